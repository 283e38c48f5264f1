"""Shards that end in the middle: by an error or Ctrl-C between two parts, or by silence."""

from __future__ import annotations

import multiprocessing
import shutil
import tempfile
import threading
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import vitlens_widgets as vl
from tests.analysis.class_space_oracle import examples
from tests.small_models import timm_model
from tests.workers.data_sets import Sums
from tests.workers.in_place import AtOnce
from vitlens_widgets.analysis.stream import run
from vitlens_widgets.workers import shards
from vitlens_widgets.workers.crew import Crew

N = 23


class Struck(Sums):
    """Something happens when the third part is added."""

    def __init__(self, error):
        super().__init__()
        self._error, self._n = error, 0

    def join(self, tallies, more):
        self._n += bool(tallies)  # workers join each part with nothing
        if self._n == 2:
            raise self._error
        return super().join(tallies, more)


class Late(AtOnce):
    """As `AtOnce`, but a while later."""

    def submit(self, work, order):
        future = Future()
        future.set_running_or_notify_cancel()
        threading.Timer(0.3, lambda: future.set_result(work(order))).start()
        return future


@pytest.fixture(scope="module")
def vit():
    return vl.load(timm_model("CLS"))


@pytest.mark.parametrize("error", [KeyboardInterrupt(), MemoryError("no"), vl.UsageError("No.")])
def test_what_strikes_between_two_parts_loses_none(vit, tmp_path, error):
    file, data = tmp_path / "run.npz", examples(vit, N)
    executor = AtOnce()
    with pytest.raises(type(error)):
        run(Struck(error), vit, data, batch_size=1, executor=executor, save_to=file)
    given = max(order.stop for order in executor.orders)
    with np.load(file) as kept:
        assert int(kept["done"]) == 2
        ahead = {int(key.split()[1]) for key in kept.files if key.startswith("at ")}
    assert sorted(ahead) == list(range(2, given))
    here, there = (run(Sums(), vit, data, batch_size=1, save_to=to) for to in (None, file))
    assert all(np.array_equal(here.tallies[n], there.tallies[n]) for n in here.tallies)


def test_silence_is_said_once_and_waited_out(vit, monkeypatch):
    monkeypatch.setattr(shards, "_SILENCE", 0.05)
    data = examples(vit, N)
    with pytest.warns(UserWarning, match="Nothing has come back from executor=") as said:
        assert run(Sums(), vit, data, executor=Late()).n_images == N
    assert len(said) == 1


def test_it_is_said_that_an_interrupt_waits(vit, monkeypatch):
    monkeypatch.setattr(shards, "_QUIET", 0.02)
    said = pytest.warns(UserWarning, match="Ctrl-C again does not wait")
    with said, pytest.raises(KeyboardInterrupt):
        run(Struck(KeyboardInterrupt()), vit, examples(vit, N), batch_size=1, executor=Late())


def test_an_order_is_called_off_by_a_file_or_with_its_folder(vit):
    executor = AtOnce()
    run(Sums(), vit, examples(vit, 2), executor=executor)
    order = executor.orders[0]  # the run is over, and its folder gone
    assert order.is_called_off()
    assert not replace(order, machine="another").is_called_off()


@pytest.mark.parametrize("may_write", [True, False])
def test_workers_that_may_be_elsewhere_look_beside_the_file_of_the_run(
    vit, tmp_path, monkeypatch, may_write
):
    """On a cluster that folder is what all machines share; nothing stays there."""
    monkeypatch.chdir(tmp_path)
    if not may_write:
        make = tempfile.mkdtemp

        def refuse(prefix, dir=None):
            if dir is not None:
                raise PermissionError(dir)
            return make(prefix=prefix)

        monkeypatch.setattr(tempfile, "mkdtemp", refuse)
    executor = AtOnce()
    run(Sums(), vit, examples(vit, 5), batch_size=2, executor=executor, save_to="run.npz")
    folders = {Path(order.stop_file).parent for order in executor.orders}
    assert [folder.parent == tmp_path for folder in folders] == [may_write]
    assert [file.name for file in tmp_path.iterdir()] == ["run.npz"]


def test_workers_of_this_machine_need_no_folder_there():
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert not Crew(pool, on_gpu=False).may_be_elsewhere  # a kill would leave it behind
    assert Crew(AtOnce(), on_gpu=False).may_be_elsewhere


def test_an_order_stands_until_the_file_is_there(vit, tmp_path):
    executor = AtOnce()
    run(Sums(), vit, examples(vit, 2), executor=executor)
    order = replace(executor.orders[0], stop_file=str(tmp_path / "run" / "stop"))
    (tmp_path / "run").mkdir()
    assert not order.is_called_off()
    (tmp_path / "run" / "stop").touch()
    assert order.is_called_off()
    shutil.rmtree(tmp_path / "run")
    assert order.is_called_off()
