"""How well features tell classes: against scikit-learn, plain pairs, coverage, and luck."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

import vitlens_widgets as vl
from tests.analysis.test_activations import all_values, noise_images
from tests.sentences import refused
from tests.small_models import timm_model
from vitlens_widgets.analysis.activations import sampled
from vitlens_widgets.analysis.activations.auc import areas, areas_and_intervals
from vitlens_widgets.analysis.activations.bins import N_BINS, bins_of
from vitlens_widgets.analysis.activations.groups import Groups
from vitlens_widgets.analysis.activations.patch_selectivity import (
    Sample,
    _variances,
    best_of_patches_by_luck,
)
from vitlens_widgets.analysis.activations.selectivity import best_by_luck
from vitlens_widgets.analysis.class_space.token_labels import class_tokens


def binned(scores, n_bins):
    return np.bincount(scores, minlength=n_bins)


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.integers(0, 8), min_size=1, max_size=30),
    st.lists(st.integers(0, 8), min_size=1, max_size=30),
)
def test_areas_are_scikit_learns(of, others):
    found = areas(binned(of, 9), binned(others, 9))
    truth = [1] * len(of) + [0] * len(others)
    assert found == pytest.approx(roc_auc_score(truth, of + others))
    both = areas_and_intervals(binned(of, 9)[None], binned(others, 9)[None])
    assert both.auc[0] == pytest.approx(found)
    assert 0 <= both.low[0] <= both.auc[0] <= both.high[0] <= 1


def test_nothing_can_be_said_of_a_class_without_images():
    of, others = np.zeros((1, 4), int), np.array([[1, 2, 0, 0]])
    for pair in ((of, others), (others, of)):
        assert all(np.isnan(one).all() for one in areas_and_intervals(*pair))


def delongs_variance(of, others):
    """As DeLong et al. write it: the components of each image, then their variances."""
    pairs = (of[:, None] > others) + (of[:, None] == others) / 2
    return pairs.mean(1).var(ddof=1) / len(of) + pairs.mean(0).var(ddof=1) / len(others)


def newcombes_variance(area, n_of, n_others):
    star = (n_of + n_others) / 2
    kinds = 1 + (star - 1) * (1 - area) / (2 - area) + (star - 1) * area / (1 + area)
    return area * (1 - area) * kinds / (n_of * n_others)


def test_the_interval_is_the_wider_of_the_two_published_ones():
    rng = np.random.default_rng(3)
    of, others = rng.integers(3, 12, 15), rng.integers(0, 10, 40)
    found = areas_and_intervals(binned(of, 12)[None], binned(others, 12)[None])
    area = float(found.auc[0])
    delong = 1.959964 * np.sqrt(delongs_variance(of, others))
    grid = np.linspace(0, 1, 200_001)[1:-1]
    apart = np.abs(grid - area) <= 1.959964 * np.sqrt(newcombes_variance(grid, 15, 40))
    assert found.low[0] == pytest.approx(min(area - delong, grid[apart].min()), abs=2e-5)
    assert found.high[0] == pytest.approx(max(area + delong, grid[apart].max()), abs=2e-5)


@pytest.mark.parametrize(("n_of", "n_others", "least"), [(6, 100, 0.89), (30, 300, 0.925)])
@pytest.mark.parametrize("spread", [0.5, 1.0, 2.0])
def test_intervals_hold_the_true_area_about_as_often_as_they_say(n_of, n_others, least, spread):
    rng = np.random.default_rng(7)
    for area in (0.5, 0.8, 0.95):
        middle = norm.ppf(area) * np.hypot(1, spread)
        shape = 600, n_of
        of = np.exp(rng.normal(middle, spread, shape)) * 8
        others = np.exp(rng.normal(0, 1, (600, n_others))) * 8
        of, others = (
            np.stack([binned(row, N_BINS * 4) for row in fine(one)]) for one in (of, others)
        )
        found = areas_and_intervals(of, others)
        assert ((found.low <= area) & (area <= found.high)).mean() >= least


def fine(values):
    return np.clip(np.log2(values) * 16 + 150, 0, N_BINS * 4 - 1).astype(int)


@pytest.mark.parametrize("kind", ["CLS", "mean of patches", "four registers and layer scale"])
def test_of_a_model_it_is_that_of_the_largest_activations_in_bins(kind):
    vit = vl.load(timm_model(kind))
    data = noise_images(vit, 9, masks=False)
    found = vl.analysis.activations(vit, data, batch_size=4)
    of = found.selectivity()
    peaks = bins_of(torch.from_numpy(all_values(vit, data, "mlp_post").max(1))).numpy()
    labels = np.arange(9) % 2
    assert of.labels == ("a", "b", "c")
    assert of.n_images.tolist() == [5, 4, 0]
    assert np.isnan(of.auc[..., 2]).all()
    apart = 0
    for layer in range(vit.n_layers):
        for feature in range(0, found.width, 5):
            expected = roc_auc_score(labels == 1, peaks[:, layer, feature])
            apart += abs(of.auc[layer, feature, 1] - expected) > 1e-6
            assert of.auc[layer, feature, 0] == pytest.approx(1 - of.auc[layer, feature, 1])
    assert apart <= 2  # rounding at an edge of a bin
    table = of.table()
    assert table["AUC"].tolist() == of.auc[..., :2].max(-1).ravel().tolist()
    assert (table["low"] <= table["AUC"]).all()


def test_luck_is_that_of_shuffled_classes():
    rng = np.random.default_rng(1)
    scores = rng.integers(0, 40, (300, 60))
    every = np.stack([binned(row, 40) for row in scores])
    sizes = np.array([20, 15, 25])
    classes = np.repeat(np.arange(3), sizes)
    best = []
    for row in scores:
        for _ in range(10):
            dealt = rng.permutation(classes)
            best.append(max(roc_auc_score(dealt == one, row) for one in range(2)))
    found = best_by_luck(every, sizes, 2, seed=0)
    assert found == pytest.approx(np.quantile(best, 0.99), abs=0.015)
    assert best_by_luck(every, sizes, 2, seed=0) == found
    assert np.isnan(best_by_luck(every, np.array([60, 0, 0]), 2, seed=0))


def test_images_of_no_class_are_of_neither_side():
    vit = vl.load(timm_model("CLS"))
    data = noise_images(vit, 8, masks=False)
    labels = [0, 1, None, 0, 1, None, 0, 1]
    items = [(data[i].image, label) for i, label in enumerate(labels)]
    with_unknown = vl.data.Examples(items, ["a", "b"])
    without = vl.data.Examples([one for one in items if one[1] is not None], ["a", "b"])
    both = [vl.analysis.activations(vit, one).selectivity() for one in (with_unknown, without)]
    np.testing.assert_allclose(both[0].auc, both[1].auc, atol=1e-6)
    assert both[0].n_images.tolist() == [3, 3]
    nobody = vl.data.Examples([(image, None) for image, _ in items])
    table = vl.analysis.activations(vit, nobody).selectivity().table()
    assert table["class"].isna().all()
    assert table["AUC"].isna().all()


def test_classes_may_be_chosen_and_must_be_where_there_are_many():
    vit = vl.load(timm_model("CLS"))
    few = noise_images(vit, 6, masks=False)
    items = [(few[i].image, i % 3) for i in range(6)]
    many = vl.data.Examples(items, [f"class {i}" for i in range(40)])
    with refused(vl.UsageError):
        vl.analysis.activations(vit, many).selectivity()
    with refused(vl.UsageError):
        vl.analysis.activations(vit, many, classes=[f"class {i}" for i in range(33)])
    with refused(vl.UsageError):
        vl.analysis.activations(vit, many, classes=["klass 2"])
    some = vl.analysis.activations(vit, many, classes=["class 2", 0])
    every = vl.analysis.activations(vit, vl.data.Examples(items, ["x", "y", "z"]))
    assert some.selectivity().labels == ("class 2", "class 0")
    chosen = every.selectivity().auc[..., [2, 0]]
    np.testing.assert_array_equal(some.selectivity().auc, chosen)
    assert some.counts_of(0, 3).tolist() == every.counts_of(0, 3)[[2, 0]].tolist()
    np.testing.assert_array_equal(some.counts, every.counts)


def seen_patches(n=14, **words):
    """A model, masked noise, what was found, all activations and which patches show the thing."""
    vit = vl.load(timm_model("CLS"))
    data = noise_images(vit, n)
    found = vl.analysis.activations(vit, data, batch_size=5, **words)
    on = class_tokens(vit, [data[i].mask for i in range(n)], "majority")
    return found, all_values(vit, data, "mlp_post"), on


def test_over_patches_it_tells_those_on_the_thing_from_all_others():
    found, values, on = seen_patches()
    of = found.selectivity("patches")
    labels = np.arange(14) % 2
    apart = 0
    for layer, feature in ((0, 3), (1, 50), (2, 100), (2, 101)):
        bins = bins_of(torch.from_numpy(values[:, :, layer, feature].copy())).numpy()
        for one in (0, 1):
            truth = on & (labels == one)[:, None]
            expected = roc_auc_score(truth.ravel(), bins.ravel())
            apart += abs(of.auc[layer, feature, one] - expected) > 1e-3
    assert apart <= 1  # rounding at an edge of a bin
    known = of.low[..., :2], of.auc[..., :2], of.high[..., :2]
    assert (known[0] <= known[1]).all()
    assert (known[1] <= known[2]).all()
    assert 0.5 < of.null <= 1
    assert of.null == found.selectivity("patches").null
    assert np.isnan(of.auc[..., 2]).all()


def obuchowski(scores, truth):
    """The variance as the paper writes it, of lists of scores and truths, one of each image."""
    x = np.concatenate([s[t] for s, t in zip(scores, truth, strict=True)])
    y = np.concatenate([s[~t] for s, t in zip(scores, truth, strict=True)])

    def psi(a, b):
        return (a[:, None] > b).astype(float) + (a[:, None] == b) / 2

    area = psi(x, y).mean()
    v10 = [psi(s[t], y).mean(1).sum() for s, t in zip(scores, truth, strict=True)]
    v01 = [psi(x, s[~t]).mean(0).sum() for s, t in zip(scores, truth, strict=True)]
    m = np.array([t.sum() for t in truth])
    n = np.array([(~t).sum() for t in truth])
    a, b = np.array(v10) - m * area, np.array(v01) - n * area
    i10, i01, i = (m > 0).sum(), (n > 0).sum(), len(m)
    s10 = i10 / ((i10 - 1) * m.sum()) * (a**2).sum()
    s01 = i01 / ((i01 - 1) * n.sum()) * (b**2).sum()
    s11 = i / (i - 1) * (a * b).sum()
    return s10 / m.sum() + s01 / n.sum() + 2 * s11 / (m.sum() * n.sum())


def sample_of_noise(n_images, n_features=3, seed=0):
    rng = np.random.default_rng(seed)
    groups = Groups((0, 1), masks=True)
    things = rng.integers(0, 3, n_images)
    both = np.stack([things, np.full(n_images, groups.rest)], 1)
    shared = rng.normal(0, 8, (n_images, n_features, 1))  # patches of an image are alike
    bins = 40 + shared + rng.normal(0, 8, (n_images, n_features, 4))
    bins += 6 * (things == 1)[:, None, None]
    bins = np.clip(bins, 0, N_BINS - 1).astype(np.uint8)
    return Sample(bins, np.ones((n_images, 4)), np.repeat(both, 2, 1)), groups


def test_the_variance_over_images_is_obuchowskis():
    sample, groups = sample_of_noise(25)
    found = np.concatenate(list(_variances(sample, groups)))
    for feature in range(3):
        for one in (0, 1):
            scores, truth = sample.bins[:, feature].astype(int), sample.group == one
            assert found[feature, one] == pytest.approx(obuchowski(list(scores), list(truth)))


def test_a_weight_is_as_many_patches():
    sample, groups = sample_of_noise(20)
    twice = Sample(np.tile(sample.bins, 2), np.tile(sample.weight, 2), np.tile(sample.group, 2))
    heavy = sample._replace(weight=2 * sample.weight)
    for one, other in zip(_variances(twice, groups), _variances(heavy, groups), strict=True):
        np.testing.assert_allclose(one, other)


def test_luck_of_patches_is_that_of_shuffled_images():
    sample, groups = sample_of_noise(60, 200)
    found = best_of_patches_by_luck(sample, groups, seed=0)
    rng, best = np.random.default_rng(4), []
    for _ in range(5):
        dealt = rng.permutation(sample.group[:, 0])
        for feature in range(200):
            scores = sample.bins[:, feature].astype(int)
            for_classes = []
            for one in (0, 1):
                truth = np.zeros_like(scores, bool)
                truth[:, :2] = (dealt == one)[:, None]
                for_classes.append(roc_auc_score(truth.ravel(), scores.ravel()))
            best.append(max(for_classes))
    assert found == pytest.approx(np.quantile(best, 0.99), abs=0.02)


def test_the_sample_is_of_the_images_alone(tmp_path):
    whole, _, on = seen_patches()
    kept = whole.tallies
    assert (kept["sample lot"] >= 0).sum() == 14
    assert sorted(kept["sample size"][:14, 0]) == sorted(on.sum(1))
    vit, data = vl.load(timm_model("CLS")), noise_images(vl.load(timm_model("CLS")), 14)
    words = {"batch_size": 4, "save_to": tmp_path}
    vl.analysis.activations(vit, data, n_images=8, **words)
    onward = vl.analysis.activations(vit, data, **words)
    for name in ("sample lot", "sample group", "sample size"):
        np.testing.assert_array_equal(kept[name], onward.tallies[name])
    assert (kept["sample bin"] == onward.tallies["sample bin"]).mean() > 0.999


@pytest.mark.filterwarnings("ignore:Threads of one process")
def test_workers_find_the_same_images_and_patches(monkeypatch):
    monkeypatch.setattr(sampled, "N_IMAGES", 9)  # of 23, so that some give way to others
    vit = vl.load(timm_model("CLS"))
    words = {"site": "resid_pre", "k": 3, "batch_size": 3}
    whole = vl.analysis.activations(vit, noise_images(vit, 23), **words)
    with ThreadPoolExecutor(2) as pool:
        found = vl.analysis.activations(vit, noise_images(vit, 23), executor=pool, **words)
    for layer, feature in ((0, 4), (1, 9), (2, 40)):
        both = zip(found.images(layer, feature), whole.images(layer, feature), strict=True)
        assert all(np.array_equal(one, other) for one, other in both)
    assert (
        found.table()
        .drop(columns=["mean", "its mean"])
        .equals(whole.table().drop(columns=["mean", "its mean"]))
    )
    for over in ("images", "patches"):
        one, many = whole.selectivity(over), found.selectivity(over)
        assert many.null == one.null
        for name in ("auc", "low", "high"):
            np.testing.assert_allclose(getattr(many, name), getattr(one, name), rtol=1e-5)


def test_of_more_images_those_with_the_largest_lots_are_kept(monkeypatch):
    monkeypatch.setattr(sampled, "N_IMAGES", 3)
    kept = sampled.no_sample(5)
    parts = np.zeros((1, 2, 6), bool)
    parts[:, 0, :1], parts[:, 1, 1:] = True, True
    lots = {}
    for number in range(20):
        lots[number] = int(np.random.default_rng((1, number)).integers(2**62))
        values = torch.full((1, 6, 5), float(number))
        drawn = sampled.draw(kept, parts, np.array([number]), [number])
        sampled.take(kept, drawn, values, slice(0, 5))
        for patches in drawn.patches:
            assert patches[:2].tolist() == [0, 0]
            assert len(set(patches[2:]) & set(range(1, 6))) == 2
    best = sorted(lots, key=lots.get)[-3:]
    assert sorted(kept["sample group"]) == sorted(best)
    expected = bins_of(torch.tensor([float(one) for one in kept["sample group"]]))
    assert (kept["sample bin"] == expected.numpy()[:, None, None]).all()


def test_patches_without_masks_are_refused():
    vit = vl.load(timm_model("CLS"))
    found = vl.analysis.activations(vit, noise_images(vit, 3, masks=False))
    for over in ("patches", "pixels"):
        with refused(vl.UsageError):
            found.selectivity(over)
