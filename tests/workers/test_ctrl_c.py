"""Ctrl-C, as a terminal and a notebook send it: to the program and to all processes it started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import vitlens_widgets as vl
from tests.workers import pressed
from tests.workers.data_sets import Sums
from vitlens_widgets.analysis.stream import run
from vitlens_widgets.workers import interrupts

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(os.name == "nt", reason="processes have no groups there")


class Program:
    """A program in a group of processes of its own."""

    def __init__(self, *words):
        command = [sys.executable, "-m", "tests.workers.pressed", *map(str, words)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        self._process = subprocess.Popen(command, cwd=ROOT, start_new_session=True, **pipes)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()

    def press(self):
        """Ctrl-C when its workers are at it: what it says until it ends."""
        for line in self._process.stdout:
            if line == "at it\n":
                os.killpg(self._process.pid, signal.SIGINT)
                break
        return self._process.communicate(timeout=300)[1]


@pytest.fixture(scope="module")
def call():
    """The same call, by this process."""
    vit, data = vl.load("toy/p32"), vl.world.Scenes(seed=1)
    words = {"n_images": pressed.N, "batch_size": 1}
    return lambda **more: run(Sums(), vit, data, **words, **more).tallies


@pytest.mark.parametrize("kind", ["cluster", "spawn", "fork", "used"])
def test_what_is_done_is_kept_and_the_same_call_goes_on(call, kind, tmp_path):
    file = tmp_path / "run.npz"
    with Program(kind, file, 0.3) as program:
        said = program.press()
    assert "the same call goes on from there" in said, said
    assert said.strip().splitlines()[-1].startswith("KeyboardInterrupt: Stopped:")
    assert "distributed" not in said
    if kind != "used":  # one that waits for its first order is lost, and says so
        assert said.count("Traceback") == 1, said
    with np.load(file) as kept:
        ahead = sum(key.startswith("at ") for key in kept.files) // 2
        assert 1 < int(kept["done"]) + ahead < pressed.N
    there, here = call(save_to=file), call()
    assert all(np.array_equal(there[name], here[name]) for name in here)


def test_threads_and_processes_inherit_it_and_the_callers_mask_stays():
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    command = [sys.executable, "-c", "import signal; print(signal.pthread_sigmask(0, ()))"]

    def make():
        child = subprocess.run(command, capture_output=True, text=True, check=True)
        return signal.pthread_sigmask(signal.SIG_BLOCK, ()), child.stdout

    for call in (interrupts.started, in_a_thread):
        mine, childs = call(make, id) if call is interrupts.started else call(make)
        assert signal.SIGINT in mine
        assert "SIGINT" in childs
        assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before
    with pytest.raises(ZeroDivisionError):
        interrupts.started(lambda: 1 // 0, id)
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before


def in_a_thread(make):
    """`started`, called by another thread than the main one."""
    found = []
    thread = threading.Thread(target=lambda: found.extend(interrupts.started(make, id)))
    thread.start()
    thread.join()
    return found


def test_without_masks_nothing_is_handed_down(monkeypatch):
    monkeypatch.setattr(interrupts, "HANDED_DOWN", False)
    assert interrupts.started(lambda: 7, id) == 7


def test_what_is_made_when_nobody_waits_any_more_is_closed(monkeypatch):
    made, closed = threading.Event(), threading.Event()

    class Impatient(interrupts.ThreadPoolExecutor):
        def submit(self, *words):
            future = super().submit(*words)
            monkeypatch.setattr(future, "result", interrupted)
            return future

    def interrupted():
        monkeypatch.undo()
        made.set()
        raise KeyboardInterrupt

    monkeypatch.setattr(interrupts, "ThreadPoolExecutor", Impatient)
    with pytest.raises(KeyboardInterrupt):
        interrupts.started(lambda: made.wait(10), lambda _: closed.set())
    assert closed.wait(10)
