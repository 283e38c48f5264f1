"""What is known of an executor: how many share which cores, who hears what, how it is made anew."""

from __future__ import annotations

import inspect
import multiprocessing
import warnings
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.analysis.class_space_oracle import examples
from tests.small_models import timm_model
from tests.workers.data_sets import Sums
from tests.workers.in_place import AtOnce
from vitlens_widgets.analysis.stream import run
from vitlens_widgets.workers import crew, threads, worker
from vitlens_widgets.workers.warned import Relay, Warned, listening

N = 7


@pytest.fixture(scope="module")
def vit():
    return vl.load(timm_model("CLS"))


@pytest.fixture(scope="module")
def order(vit):
    """One that was given out."""
    executor = AtOnce()
    run(Sums(), vit, examples(vit, 2), executor=executor)
    return executor.orders[0]


def test_a_new_pool_is_like_the_old_one():
    words = dict.fromkeys(inspect.signature(ProcessPoolExecutor).parameters)
    words |= {"max_workers": 3, "mp_context": multiprocessing.get_context("spawn")}
    words |= {"initializer": print, "initargs": ("begun",)}
    words |= {"max_tasks_per_child": 5} if "max_tasks_per_child" in words else {}
    made = crew.Crew(ProcessPoolExecutor(**words), on_gpu=False)
    with pytest.warns(UserWarning, match="A worker process died"):
        made.renew()
    assert made._executor is not made._given
    assert {name: getattr(made._executor, f"_{name}") for name in words} == words


class Like:
    """An executor of a library that tells this of its workers."""

    def __init__(self, **told):
        vars(self).update(told)

    def submit(self, *_):
        """Never."""


@pytest.mark.parametrize(
    ("told", "n"),
    [
        ({"_max_workers": 3}, 3),  # loky
        ({"max_workers": 4}, 4),  # executorlib
        ({"num_workers": 5}, 5),  # mpi4py
        ({"_max_workers": None, "max_workers": 2}, 2),
        ({"max_workers": None}, 8),
        ({"max_workers": "many"}, 8),
        ({}, 8),
    ],
)
def test_who_is_on_this_machine_shares_its_cores(monkeypatch, told, n):
    monkeypatch.setattr(crew, "cores", lambda: 8)
    made = crew.Crew(Like(**told), on_gpu=False)
    assert (made.n_workers, made.sharing, made.elsewhere) == (n, n, 1)


@pytest.mark.parametrize(
    ("change", "n"),
    [({"process": -1}, 2), ({"machine": "another"}, 8), ({}, 3)],
    ids=["here", "elsewhere", "own"],
)
def test_a_worker_takes_its_share(monkeypatch, order, change, n):
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(threads, "cores", lambda: 8)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        worker._pin_threads(replace(order, sharing=4, elsewhere=1, forked=False, **change))
        assert torch.get_num_threads() == n
    finally:
        torch.set_num_threads(before)


def test_nobody_waits_for_a_dask_that_was_shut_down(order):
    client = SimpleNamespace(status="running", scheduler_info=lambda **_: {"workers": {}})
    executor = Like(_client=client)
    executor.submit = lambda *_, **__: Future()
    made = crew.Crew(executor, on_gpu=False)
    made.give(order)
    assert made.next_outcome(0) is None
    client.status = "closed"
    assert "shut down" in str(made.next_outcome().error)
    made.call_off("/stop")
    with pytest.raises(vl.UsageError, match="takes no more work"):
        crew.Crew(executor, on_gpu=False)


class Away(AtOnce):
    """Workers that do not see the folder of the run."""

    def __init__(self, **change):
        super().__init__()
        self._change = change

    def submit(self, work, order):
        return super().submit(work, replace(order, stop_file="/elsewhere/stop", **self._change))


@pytest.mark.parametrize(
    ("change", "n"),
    [
        ({"machine": "another", "seconds": 0.0}, N),  # an order for each batch
        ({"machine": "another"}, 3),
        ({}, 6),  # a container: those that were given out come back as they went
    ],
    ids=["short", "long", "container"],
)
def test_workers_that_see_no_folder_do_it_all(vit, monkeypatch, change, n):
    monkeypatch.setattr("vitlens_widgets.workers.shards._batches_of_each", lambda *_: 3)
    data, executor = examples(vit, N), Away(**change)
    there, here = (run(Sums(), vit, data, batch_size=1, executor=e) for e in (executor, None))
    assert all(np.array_equal(there.tallies[name], here.tallies[name]) for name in here.tallies)
    assert len(executor.orders) == n


def test_warnings_of_workers_are_shown_once_each():
    class Own(DeprecationWarning):
        pass

    with listening(wanted=True) as heard:
        warnings.simplefilter("always")
        for text, kind in [("a", UserWarning), ("b", Own), ("a", UserWarning)]:
            warnings.warn(text, kind, stacklevel=1)
    assert [one.text for one in heard] == ["a", "b"]
    with pytest.warns() as said:
        Relay().show([*heard, *heard, Warned("c", ("no.such:Kind",))])
    shown = [(str(one.message), one.category) for one in said]
    assert shown == [("a", UserWarning), ("b", DeprecationWarning), ("c", UserWarning)]


def test_what_is_not_wanted_is_shown_as_ever():
    with pytest.warns(UserWarning, match="here"), listening(wanted=False) as heard:
        warnings.warn("here", stacklevel=1)
    assert heard == []
