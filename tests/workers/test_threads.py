"""How many threads torch gets, and which GPU a worker."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import torch

from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.workers import device, threads


@pytest.fixture
def free(monkeypatch):
    """Eight cores and threads, of which some are busy, and nothing set by hand."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(threads, "cores", lambda: 8)
    monkeypatch.setattr(threads, "_said", set())
    before = torch.get_num_threads()
    torch.set_num_threads(8)
    yield lambda busy: monkeypatch.setattr(threads, "busy_cores", lambda: busy)
    torch.set_num_threads(before)


@pytest.mark.parametrize(("busy", "n"), [(0.0, 8), (0.4, 8), (3.2, 5), (7.6, 1), (20.0, 1)])
def test_torch_computes_on_the_cores_that_are_free(free, busy, n):
    free(busy)
    assert threads.threads_now() == n


def test_it_is_said_once_and_undone(free):
    free(6.0)

    @clean
    def measured():
        with threads.threads_that_fit() as n:
            assert n == torch.get_num_threads() == 2
            raise KeyboardInterrupt

    match = "with 2 threads here and not with 8"
    with pytest.warns(UserWarning, match=match) as said, pytest.raises(KeyboardInterrupt):
        measured()
    assert [one.filename for one in said] == [__file__]
    assert torch.get_num_threads() == 8
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(KeyboardInterrupt):
            measured()


@pytest.mark.parametrize("name", ["OMP_NUM_THREADS", "MKL_NUM_THREADS"])
def test_what_was_set_by_hand_stays(free, monkeypatch, name):
    free(7.0)
    monkeypatch.setenv(name, "8")
    assert threads.threads_now() == 8


def test_what_was_said_after_torch_had_begun_says_nothing(free, monkeypatch):
    free(6.0)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # as Dask does when it starts workers
    assert not threads.set_by_hand()
    assert threads.threads_now() == 2


def test_a_containers_share_counts(tmp_path):
    file = tmp_path / "cpu.max"
    for text, n in (("max 100000\n", 8), ("250000 100000", 2), ("50000 100000", 0), ("?", 8)):
        file.write_text(text)
        assert threads._share(file, 8) == n
    assert threads._share(tmp_path / "none", 8) == 8
    assert threads.cores() >= 1


@pytest.mark.skipif(not Path("/proc/stat").exists(), reason="only Linux counts so")
def test_a_busy_core_is_seen():
    spin = [sys.executable, "-c", "while True: pass"]
    process = subprocess.Popen(spin)
    try:
        assert 0.5 < threads.busy_cores(0.5) <= len(os.sched_getaffinity(0))
    finally:
        process.kill()
        process.wait()


def test_each_worker_has_a_gpu_of_its_own(monkeypatch, tmp_path):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    context = multiprocessing.get_context("spawn")
    given, hold, queue = [], context.Event(), context.Queue()
    workers = [context.Process(target=_waiting, args=(2, queue, hold)) for _ in range(2)]
    for worker in workers:
        worker.start()
        given.append(queue.get(timeout=120))
    hold.set()
    for worker in workers:
        worker.join()
    assert given == ["cuda:0", "cuda:1"]


def _waiting(n_gpus, queue, hold):
    """A worker that keeps its GPU until it is let go."""
    torch.cuda.device_count = lambda: n_gpus
    torch.cuda.set_device = lambda _: None
    queue.put(str(device.own_device()))
    hold.wait(120)


def test_without_a_gpu_it_is_the_cpu():
    if not torch.cuda.is_available() and not torch.backends.mps.is_available():
        assert device.own_device.__wrapped__() == torch.device("cpu")
