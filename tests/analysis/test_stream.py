"""The loop over a data set: batches that add up, runs that stop and go on, what is refused."""

from __future__ import annotations

import importlib
import json
from functools import partial
from typing import ClassVar

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

import vitlens_widgets as vl
from tests.analysis.class_space_oracle import examples
from tests.over_data import OVER_DATA
from tests.sentences import refused
from tests.small_models import timm_model
from vitlens_widgets.analysis.over_images import over_images, share_of_images
from vitlens_widgets.analysis.stream import BatchMeasure, pooled, run, spread, tally
from vitlens_widgets.data import Examples
from vitlens_widgets.trace.fingerprint import agree, fingerprint


class Sums(BatchMeasure):
    """Adds up the classes, the pixels and the size of the batches it sees."""

    name = "sums"
    usual: ClassVar = {}
    needs_masks = False
    labels = None

    def __init__(self, **settings):
        self.settings = settings
        self.sizes = []

    def measure(self, batch):
        self.sizes.append(len(batch))
        pixels = batch.pixels.double().mean((1, 2, 3)).numpy()
        return {"pixels": tally(pixels), "classes": np.bincount(batch.classes, minlength=11)}


class Interrupted:
    """A data set that is interrupted when an example is read for the first time."""

    def __init__(self, data, at):
        self._data, self._at = data, at
        self.labels, self.has_masks = data.labels, data.has_masks
        self.count, self.identity = data.count, data.identity

    def __getitem__(self, number):
        if number == self._at:
            self._at = None
            raise KeyboardInterrupt
        return self._data[number]


@pytest.fixture(scope="module")
def vit():
    return vl.load(timm_model("CLS"))


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[n], other[n]) for n in one)


def test_batches_add_up_to_all_images(vit):
    data = examples(vit, 7)
    experiment = Sums()
    done = run(experiment, vit, data, batch_size=3)
    assert experiment.sizes == [3, 3, 1]
    assert done.n_images == 7
    assert (
        done.tallies["classes"].tolist()
        == np.bincount([data[i].label for i in range(7)], minlength=11).tolist()
    )
    trace = vit.trace([data[i].image for i in range(7)], preprocessed=False)
    pictures = vit.preprocessing.pixels(trace.pictures).double().mean((1, 2, 3)).numpy()
    assert spread(done.tallies["pixels"]).mean == pytest.approx(pictures.mean())
    assert run(Sums(), vit, data, n_images=4).n_images == 4


@pytest.mark.parametrize("at", [0, 2, 3, 6])
def test_a_run_that_was_stopped_goes_on_to_the_same_numbers(vit, tmp_path, at):
    data = examples(vit, 7)
    whole = run(Sums(), vit, data, batch_size=2)
    stopped, file = Interrupted(data, at), tmp_path / "run.npz"
    with pytest.raises(KeyboardInterrupt) as caught:
        run(Sums(), vit, stopped, batch_size=2, save_to=file)
    if at >= 2:
        assert f"run.npz holds the first {at // 2 * 2} of 7 images" in str(caught.value)
    else:
        assert "before the first of 7 images were kept in" in str(caught.value)
    assert file.exists() == (at >= 2)
    rest = Sums()
    found = run(rest, vit, stopped, batch_size=2, save_to=file)
    assert sum(rest.sizes) == 7 - at // 2 * 2
    assert same(found.tallies, whole.tallies)
    again = Sums()
    assert same(run(again, vit, data, save_to=file).tallies, whole.tallies)
    assert again.sizes == []
    assert [path.name for path in tmp_path.iterdir()] == ["run.npz"]


def test_classes_are_the_models_of_the_same_name(vit):
    """Of a data set that names some of the model's classes, in an order of its own."""
    data = examples(vit, 6)
    names = [vit.labels[i] for i in range(11)][::-1]
    items = [(data[i].image, names.index(vit.labels[data[i].label])) for i in range(6)]
    for other in (Examples(items, names), Examples(items, [*names[:-1], names[-1].upper()])):
        done = run(Sums(), vit, other, batch_size=4)
        assert same(done.tallies, run(Sums(), vit, data, batch_size=4).tallies)


def test_a_run_of_another_version_is_refused(vit, tmp_path, monkeypatch):
    data = examples(vit, 2)
    run(Sums(), vit, data, save_to=tmp_path)
    module = importlib.import_module("vitlens_widgets.analysis.stream.run")
    monkeypatch.setattr(module, "__version__", "0.0.0")
    with refused(vl.UsageError):
        run(Sums(), vit, data, save_to=tmp_path)


def test_more_images_may_be_added_and_fewer_are_refused(vit, tmp_path):
    data = examples(vit, 7)
    run(Sums(), vit, data, n_images=4, batch_size=2, save_to=tmp_path)
    more = Sums()
    found = run(more, vit, data, batch_size=2, save_to=tmp_path / "sums.npz")  # the folder's file
    assert same(found.tallies, run(Sums(), vit, data, batch_size=2).tallies)
    assert more.sizes == [2, 1]
    with refused(vl.UsageError):
        run(Sums(), vit, data, n_images=5, save_to=tmp_path)


def test_a_run_that_is_not_saved_says_how_far_it_came(vit):
    with pytest.raises(KeyboardInterrupt, match="Stopped after 4 of 7 images; with save_to="):
        run(Sums(), vit, Interrupted(examples(vit, 7), 5), batch_size=2)


def test_an_identifiability_run_goes_on_to_the_same_numbers(vit, tmp_path):
    data, baseline = examples(vit, 6), vl.untrained(vit)
    words = {"baseline": baseline, "batch_size": 2}
    whole = vl.analysis.identifiability(vit, data, **words)
    stopped = Interrupted(data, 3)
    with pytest.raises(KeyboardInterrupt):
        vl.analysis.identifiability(vit, stopped, save_to=tmp_path / "run", **words)
    found = vl.analysis.identifiability(vit, stopped, save_to=tmp_path / "run", **words)
    for name in whole.values:
        assert np.array_equal(whole.mean(name).mean, found.mean(name).mean)
        assert np.array_equal(whole.mean(name).half, found.mean(name).half)
    assert np.array_equal(whole.p["all_tokens"], found.p["all_tokens"])
    assert np.array_equal(whole.class_images, found.class_images)


def test_a_file_of_another_run_is_refused_and_stays_as_it_is(vit, tmp_path):
    data, file = examples(vit, 3), tmp_path / "run.npz"
    run(Sums(rule="a"), vit, data, save_to=file)
    before = file.read_bytes()
    other = vl.load(timm_model("CLS", num_heads=3))
    named = Sums(rule="a")
    named.name = "other sums"
    for experiment, model, images in [
        (Sums(rule="b"), vit, data),
        (Sums(rule="a"), other, examples(other, 3)),
        (Sums(rule="a"), vit, examples(vit, 3, seed=1)),
        (named, vit, data),
    ]:
        with refused(vl.UsageError):
            run(experiment, model, images, save_to=file)
    assert file.read_bytes() == before


def test_other_files_are_refused(vit, tmp_path):
    data = examples(vit, 3)
    file = tmp_path / "notes.npz"
    file.write_text("not a run")
    with refused(vl.UsageError):
        run(Sums(), vit, data, save_to=file)
    np.savez(tmp_path / "arrays.npz", about=json.dumps({}), done=3)
    with refused(vl.UsageError):
        run(Sums(), vit, data, save_to=tmp_path / "arrays.npz")
    with refused(vl.UsageError):
        run(Sums(), vit, data, save_to=tmp_path / "no" / "run.npz")
    assert file.read_text() == "not a run"


def test_a_model_is_known_by_all_that_its_answers_depend_on(vit):
    first = fingerprint(vit)
    assert agree(first, fingerprint(vl.load(timm_model("CLS"), labels=list(vit.labels))))
    linear = torch.nn.Linear(48, 11)
    others = [
        vl.load(timm_model("CLS", num_heads=3)),
        vl.load(timm_model("CLS"), classifier=linear),
        vl.load(timm_model("CLS"), labels=[f"other {i}" for i in range(11)]),
        vl.load(timm_model("CLS"), preprocessing={"mean": (0.4,) * 3, "std": (0.5,) * 3}),
        vl.untrained(vit),
    ]
    every = [first, *map(fingerprint, others)]
    assert not any(agree(one, two) for i, one in enumerate(every) for two in every[:i])


@settings(deadline=None)
@given(
    values=arrays(float, (9, 3), elements=st.floats(-5, 5) | st.just(np.nan)),
    cut=st.integers(0, 9),
)
def test_a_tally_says_what_all_images_together_would(values, cut):
    found = spread(tally(values[:cut]) + tally(values[cut:]))
    expected = over_images(values.T)
    for name in ("mean", "n"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), atol=1e-9)
    for name in ("deviation", "half"):  # whose squares are differences of sums
        squares = (getattr(one, name) ** 2 for one in (found, expected))
        np.testing.assert_allclose(*squares, atol=1e-10, rtol=1e-9)


@given(n=st.integers(1, 60), data=st.data())
def test_a_share_of_images_has_wilsons_interval(n, data):
    so = data.draw(st.integers(0, n))
    found = share_of_images(spread(tally(np.arange(n) < so)))
    oracle = stats.binomtest(so, n).proportion_ci(method="wilson")
    low, high, mean = float(found.low), float(found.high), float(found.mean)
    assert (low, high) == pytest.approx((oracle.low, oracle.high), abs=1e-9)
    assert 0 <= low <= mean == so / n <= high <= 1
    assert float(found.half) == max(mean - low, high - mean)
    assert np.isnan(share_of_images(spread(tally(np.full(3, np.nan)))).low)


def test_a_pooled_ratio_and_its_interval():
    rng = np.random.default_rng(0)
    of = rng.integers(0, 6, 400)
    hits = rng.binomial(of, 0.3)
    added = tally(hits[:150], of[:150]) + tally(hits[150:], of[150:])
    assert pooled(added) == pytest.approx(hits.sum() / of.sum())
    there = of > 0
    residual = (hits - pooled(added) * of)[there] / of[there].mean()
    found = spread(added)
    assert found.n == there.sum()
    assert found.deviation == pytest.approx(residual.std(ddof=1), rel=1e-3)
    jackknife = [(hits.sum() - h) / (of.sum() - t) for h, t in zip(hits, of, strict=True)]
    error = np.std(jackknife) * np.sqrt(400 - 1)
    assert found.half == pytest.approx(1.97 * error, rel=0.02)


class NoMasks(Sums):
    needs_masks = True


@pytest.mark.parametrize(
    ("experiment", "data", "words"),
    [
        (Sums(), [("image", 3)], {}),
        (Sums(), vl.world.Scenes(), {"n_images": 3}),
        (Sums(), None, {"n_images": 9}),
        (Sums(), None, {"batch_size": 0}),
        (NoMasks(), Examples([("image", 3)], 11 * ["x"]), {}),
    ],
)
def test_what_does_not_fit_is_said_in_a_sentence(vit, experiment, data, words):
    with refused(vl.UsageError):
        run(experiment, vit, examples(vit, 3) if data is None else data, **words)


def test_an_endless_data_set_needs_a_number():
    with refused(vl.UsageError):
        run(Sums(), vl.load("toy/p32"), vl.world.Scenes())


def test_an_image_that_cannot_be_read_is_named(vit):
    data = Examples([(np.zeros((4, 4, 3), np.uint8), 0), ("nowhere.png", 1)], vit.labels)
    with refused(vl.UsageError):
        run(Sums(), vit, data)


@pytest.mark.parametrize("name", OVER_DATA)
def test_every_experiment_goes_on_to_the_same_numbers(vit, tmp_path, name):
    data = examples(vit, 5)
    words = {"n_points": 3, "n_random": 1} if name == "perturbation_test" else {}
    experiment = partial(vl.analysis.experiments[name].function, **words)
    whole = experiment(vit, data, batch_size=2)
    stopped = Interrupted(data, 4)
    with pytest.raises(KeyboardInterrupt):
        experiment(vit, stopped, batch_size=2, save_to=tmp_path)
    found = experiment(vit, stopped, batch_size=2, save_to=tmp_path)
    assert found.table().equals(whole.table())
    other = experiment(vit, data, batch_size=5).table()  # batches are a matter of rounding
    for column, values in whole.table().items():
        if values.dtype == float:
            assert other[column].tolist() == pytest.approx(values.tolist(), abs=1e-6, nan_ok=True)
    with refused(vl.UsageError):
        run(Sums(), vit, data, save_to=next(tmp_path.iterdir()))
