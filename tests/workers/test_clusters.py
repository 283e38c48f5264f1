"""`vl.cluster`: what it leaves as it is, what its workers are told, and what they say."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
import warnings
from contextlib import suppress

import pytest

import vitlens_widgets as vl
from tests.sentences import refused
from tests.workers.data_sets import Pale, Sums, Warns
from vitlens_widgets.analysis.stream import run
from vitlens_widgets.analysis.stream.data_run import DataRun
from vitlens_widgets.workers import order
from vitlens_widgets.workers.crew import Crew
from vitlens_widgets.workers.threads import cores

LIMITS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@pytest.fixture(scope="module")
def before():
    """The environment when nothing is set by hand."""
    with pytest.MonkeyPatch.context() as patch:
        for name in LIMITS:
            patch.delenv(name, raising=False)
        yield environment()


def environment():
    """As it is now."""
    return {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}


@pytest.fixture(scope="module")
def executor(before):  # noqa: ARG001
    """One worker; another program has the port of Dask's page."""
    with socket.socket() as taken, warnings.catch_warnings(record=True) as said:
        with suppress(OSError):  # it is taken
            taken.bind(("127.0.0.1", 8787))
            taken.listen()
        cluster = vl.cluster(1)
    assert said == []
    with cluster:
        yield cluster


@pytest.mark.usefixtures("executor")
def test_the_callers_environment_stays(before):
    assert environment() == before


def test_no_page_is_served(executor):
    assert executor.dashboard == ""
    assert repr(executor) == "Cluster(1 worker)"


@pytest.mark.skipif(os.name == "nt", reason="no masks of signals there")
def test_workers_do_not_hear_ctrl_c(executor):
    masks = executor.client.run(lambda: signal.pthread_sigmask(signal.SIG_BLOCK, ()))
    assert all(signal.SIGINT in mask for mask in masks.values())
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_workers_have_all_cores_and_their_warnings_arrive_once(executor):
    vit, data = vl.load("toy/p32"), vl.world.Scenes(seed=1)
    with pytest.warns() as said:
        found = run(Warns(), vit, data, n_images=3, batch_size=1, executor=executor)
    assert found.tallies["threads"].tolist() == [3 * cores()]
    heard = sorted((str(one.message), one.category) for one in said)
    assert heard == [("An image is dark.", UserWarning), ("An image is pale.", Pale)]
    assert {one.filename for one in said} == {__file__}


def test_workers_that_see_no_file_are_told_that_it_is_over(executor):
    file = "/of another machine/stop"
    crew = Crew(executor, on_gpu=False)
    assert crew.seconds == float("inf")
    crew.call_off(file)
    until = time.monotonic() + 60
    while not all(executor.client.run(lambda: file in order._called_off).values()):
        assert time.monotonic() < until
        time.sleep(0.1)


def test_a_cluster_that_ends_meanwhile_is_told_nothing(executor, monkeypatch, caplog):
    asked = threading.Event()

    async def gone(*_, **_words):
        asked.set()
        raise OSError("the stream is closed")

    monkeypatch.setattr(executor.client, "run", gone)
    Crew(executor, on_gpu=False).call_off("stop")
    assert asked.wait(60)
    done = threading.Event()
    executor.client.loop.add_callback(done.set)
    assert done.wait(60)
    time.sleep(0.5)  # what came of a call is logged a round of the loop later
    assert caplog.records == []


def test_one_that_was_shut_down_says_so(monkeypatch):
    vit, data = vl.load("toy/p32"), vl.world.Scenes(seed=1)
    words, own = {"n_images": 99, "batch_size": 1}, DataRun._joined
    with vl.cluster(1) as ended:
        client = ended.client

        def joined(*given):
            ended.shutdown()
            return own(*given)

        monkeypatch.setattr(DataRun, "_joined", joined)
        with refused(vl.UsageError):  # in the middle
            run(Sums(), vit, data, **words, executor=ended)
    assert repr(ended) == "Cluster(shut down)"
    with pytest.raises(RuntimeError, match="after shutdown"):
        ended.submit(abs, -1)
    for executor in (ended, client):
        with refused(vl.UsageError):
            run(Sums(), vit, data, **words, executor=executor)
