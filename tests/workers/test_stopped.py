"""Fits and features by workers that are stopped: what was done beyond a gap is not done again."""

from __future__ import annotations

import json

import pytest
import torch

import vitlens_widgets as vl
from tests.analysis.class_space_oracle import examples
from tests.small_models import timm_model
from tests.workers.data_sets import Fails, Sums
from tests.workers.in_place import AtOnce
from vitlens_widgets.analysis.probes import features
from vitlens_widgets.analysis.stream import run
from vitlens_widgets.analysis.stream.data_run import DataRun
from vitlens_widgets.lenses.jacobian import fitting
from vitlens_widgets.lenses.jacobian.mean import MeanMap
from vitlens_widgets.workers.shards import Shards

N = 7


class Later(Sums):
    """It is saved at the end, or when it is stopped."""

    save_seconds = 1e9


WORDS = {"n_images": N, "batch_size": 1}


@pytest.fixture(scope="module")
def vit():
    return vl.load(timm_model("CLS"))


@pytest.fixture(scope="module")
def data(vit):
    return examples(vit, N)


@pytest.fixture(scope="module")
def whole(vit, data):
    """What one process finds, at once."""
    return vl.JacobianLens.fit(vit, data, **WORDS)


def struck(monkeypatch, of, name, at):
    """A method, which Ctrl-C strikes at its call of this number."""
    own, calls = getattr(of, name), []

    def striking(*given):
        calls.append(given)
        if len(calls) == at:
            raise KeyboardInterrupt
        return own(*given)

    monkeypatch.setattr(of, name, striking)
    return calls


def same(lens, whole):
    return (
        torch.equal(lens.weight, whole.weight)
        and torch.equal(lens.bias, whole.bias)
        and lens.fitted == whole.fitted
    )


@pytest.mark.parametrize("resumed_by", [None, AtOnce()])
def test_a_stopped_jacobian_fit_loses_nothing(vit, data, whole, tmp_path, monkeypatch, resumed_by):
    file, beside = tmp_path / "lens.safetensors", tmp_path / "lens.safetensors.ahead"
    struck(monkeypatch, MeanMap, "with_more", 2)
    executor = AtOnce()
    with pytest.raises(KeyboardInterrupt, match=r"first 1 of 7.*found of . others"):
        vl.JacobianLens.fit(vit, data, **WORDS, executor=executor, save_to=file)
    monkeypatch.undo()
    assert beside.is_file()
    given = max(order.stop for order in executor.orders)
    assert given > 2
    runs = struck(monkeypatch, fitting, "linear", -1)
    lens = vl.JacobianLens.fit(vit, data, **WORDS, executor=resumed_by, save_to=file)
    assert len(runs) == N - given
    assert same(lens, whole)
    assert not beside.exists()


def test_what_was_found_before_the_first_image_failed_is_kept_for_these_images(
    vit, data, whole, tmp_path, monkeypatch
):
    file = tmp_path / "lens.safetensors"
    gap = Fails(data, 0, tmp_path / "note", 99, RuntimeError("no"))
    with pytest.raises(vl.UsageError, match="Image 0 failed"):
        vl.JacobianLens.fit(vit, gap, **WORDS, executor=AtOnce(), save_to=file)
    assert not file.exists()
    kept = file.with_name(f"{file.name}.ahead").read_bytes()
    runs = struck(monkeypatch, fitting, "linear", -1)
    other = vl.JacobianLens.fit(vit, examples(vit, N, seed=9), **WORDS, save_to=file)
    assert len(runs) == N
    assert not same(other, whole)
    file.with_name(f"{file.name}.ahead").write_bytes(kept)
    file.unlink()
    assert same(vl.JacobianLens.fit(vit, data, **WORDS, save_to=file), whole)
    assert N < len(runs) < 2 * N


@pytest.mark.parametrize("again", [1, 2])
@pytest.mark.parametrize("of", ["fit", "run"])
def test_ctrl_c_twice_loses_nothing_that_came_back(vit, data, tmp_path, monkeypatch, of, again):
    """Pressed between two batches, and while workers are waited for."""
    file, executor = tmp_path / "kept.npz", AtOnce()
    words = {**WORDS, "executor": executor, "save_to": file}
    struck(monkeypatch, MeanMap, "with_more", 2)
    struck(monkeypatch, DataRun, "_joined", 2)
    struck(monkeypatch, Shards, "_take_last", again)
    with pytest.raises(KeyboardInterrupt, match="goes on from there"):
        vl.JacobianLens.fit(vit, data, **words) if of == "fit" else run(Later(), vit, data, **words)
    monkeypatch.undo()
    given = 2 if again == 1 else max(order.stop for order in executor.orders)
    runs = struck(monkeypatch, fitting, "linear", -1) if of == "fit" else []
    measured = struck(monkeypatch, Sums, "measure", -1)
    words["executor"] = None
    vl.JacobianLens.fit(vit, data, **words) if of == "fit" else run(Later(), vit, data, **words)
    assert len(runs or measured) == N - given


@pytest.mark.parametrize("content", [b"", b"PK nothing"])
def test_what_is_no_tail_is_left_out(vit, data, whole, tmp_path, content):
    (tmp_path / "lens.safetensors.ahead").write_bytes(content)
    lens = vl.JacobianLens.fit(vit, data, **WORDS, save_to=tmp_path / "lens.safetensors")
    assert same(lens, whole)


def test_stopped_features_of_probes_lose_nothing(vit, tmp_path, monkeypatch):
    train, test = examples(vit, 12, seed=1), examples(vit, 4)
    words = {"sites": ["resid_post"], "shots": 2, "batch_size": 1}
    whole = vl.analysis.linear_probes(vit, train, test, **words).table()
    words["cache"] = tmp_path
    struck(monkeypatch, features._Reader, "store", 2)
    with pytest.raises(KeyboardInterrupt):
        vl.analysis.linear_probes(vit, train, test, executor=AtOnce(), **words)
    monkeypatch.undo()
    said = json.loads((tmp_path / "features.json").read_text())
    assert said["done"] == 1
    n_kept = 1 + sum(stop - start for start, stop in said["ahead"])
    assert n_kept > 2
    runs = struck(monkeypatch, features._Reader, "read", -1)
    found = vl.analysis.linear_probes(vit, train, test, **words)
    assert len(runs) == found.n_train - n_kept
    assert found.table().equals(whole)
