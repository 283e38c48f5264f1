"""The best feature for each truth: against a plain search over all thresholds, and against luck."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score

import vitlens_widgets as vl
from tests.sentences import refused
from tests.small_models import timm_model
from vitlens_widgets.analysis.activations.bins import EDGES, bins_of
from vitlens_widgets.analysis.best_features import scores
from vitlens_widgets.analysis.best_features.patches import TruthsOfPatches
from vitlens_widgets.data.truths import truth_names, truths_of
from vitlens_widgets.features import SAE, Activation

N_IMAGES, N_TOKENS, N_FEATURES = 24, 9, 7


def drawn(seed=0):
    """Random activations; truth 0 is told by feature 3, truth 1 by none, truth 2 is nowhere."""
    draw = np.random.default_rng(seed)
    values = np.maximum(draw.normal(size=(N_IMAGES, N_TOKENS, N_FEATURES)), 0).astype(np.float32)
    truths = draw.random((N_IMAGES, N_TOKENS, 3)) < 0.3
    truths[..., 2] = False
    told = values[..., 3] > 0.5
    truths[..., 0] = told ^ (draw.random(told.shape) < 0.1)
    return values, truths


def best_by_hand(values, truth):
    """Every feature at every threshold, by scikit-learn."""
    found = {}
    for feature in range(values.shape[-1]):
        for at in range(1, len(EDGES) - 1):
            on = values[:, feature] >= EDGES[at] if at > 1 else values[:, feature] > 0
            found[feature, at] = f1_score(truth, on)
    best = max(found.values())
    return best, {at for at, f1 in found.items() if f1 == pytest.approx(best, abs=1e-12)}


def test_the_chosen_are_the_best_of_all_features_and_thresholds():
    values, truths = drawn()
    flat, of = values.reshape(-1, N_FEATURES), truths.reshape(-1, 3)
    bins = bins_of(torch.from_numpy(flat)).to(torch.uint8).numpy()
    found = scores.chosen(bins, of)
    for truth in (0, 1):
        best, where = best_by_hand(flat, of[:, truth])
        assert found.f1[truth] == pytest.approx(best)
        assert (found.feature[truth], found.bin[truth]) in where
    assert found.feature.tolist()[0] == 3
    assert found.feature[2] == -1
    assert np.isnan(found.f1[2])


def test_they_are_judged_on_other_images_as_scikit_learn_does():
    values, truths = drawn()
    bins = bins_of(torch.from_numpy(values)).to(torch.uint8).numpy()
    by = scores.chosen(bins[::2].reshape(-1, N_FEATURES), truths[::2].reshape(-1, 3))
    found = scores.counts(bins[1::2], truths[1::2], by)
    judged = scores.f1_of(found.sum(0))
    for truth in (0, 1):
        on = values[1::2, :, by.feature[truth]] >= EDGES[by.bin[truth]]
        assert judged[truth] == pytest.approx(f1_score(truths[1::2, :, truth].ravel(), on.ravel()))
    assert np.isnan(judged[2])
    often = scores.drawn_again(len(found))
    samples = scores.over_samples(found, often)
    again = found[np.repeat(np.arange(len(found)), often[5])].sum(0)
    np.testing.assert_allclose(samples[5], scores.f1_of(again))


@pytest.mark.parametrize("objects", [1, 2, 4])
def test_the_world_knows_its_truths(objects):
    data = vl.world.Scenes(3, objects, size=(48, 80))
    names = truth_names(data)
    for number in range(6):
        scene = vl.world.scene(3 + number, objects, (48, 80))
        truths = truths_of(data, number)
        assert set(truths) == set(names)
        for kind, masks in truths.items():
            assert set(masks) <= set(names[kind])
        for index, name in enumerate(vl.world.CLASSES):
            there = scene.class_mask == index
            assert (name in truths["class"]) == (name in scene.names)
            if name in truths["class"]:
                np.testing.assert_array_equal(truths["class"][name], there)
        for part, mask in truths["part"].items():
            np.testing.assert_array_equal(mask, scene.part_mask == vl.world.PARTS.index(part))
        for kind in ("place", "size"):
            together = np.any(list(truths[kind].values()), axis=0)
            np.testing.assert_array_equal(together, scene.instance_mask > 0)


def test_a_data_set_with_masks_knows_its_classes_and_one_without_nothing():
    mask = np.zeros((48, 80), bool)
    mask[:16, 16:32] = True
    picture = np.zeros((48, 80, 3), np.uint8)
    data = vl.data.Examples([(picture, "cat", mask), (picture, None, mask)], ["cat", "dog"])
    assert truth_names(data) == {"class": ["cat", "dog"]}
    (kind,) = truths_of(data, 0)
    np.testing.assert_array_equal(truths_of(data, 0)[kind]["cat"], mask)
    assert truths_of(data, 1) == {}
    assert truth_names(vl.data.Examples([(picture, "cat")], ["cat"])) == {}


def test_patches_are_shown_enough_of():
    vit = vl.load("toy/attn-mlp-2l")  # 7 x 7 patches of 32, and nothing is cropped
    small, large = np.zeros((2, 224, 224), bool)
    small[:32, :6] = True  # 6 of 32 columns of the first patch
    large[32:64, 32:82] = True  # all of patch 8, 18 columns of patch 9
    names = {"class": ["cat", "dog"], "part": ["eye"]}
    patches = TruthsOfPatches(vit, names, {"class": 0.5, "part": 0.1})
    found = patches.of({"class": {"dog": large, "cat": small}, "part": {"eye": small}})
    assert found[:, 0].nonzero()[0].tolist() == []
    assert found[:, 1].nonzero()[0].tolist() == [8, 9]
    assert found[:, 2].nonzero()[0].tolist() == [0]


class Planted:
    """Pictures whose left or right half is white: what a feature can tell, and what none can."""

    labels = vl.LabelSet.of(["left", "right"], "sides")
    has_masks = True
    count = 40
    identity: ClassVar = {"planted": 40}
    truth_names: ClassVar = {"side": ["left", "right"], "lot": ["won"]}

    def __getitem__(self, number):
        side = number // 2 % 2
        picture = np.full((48, 80, 3), 40, np.uint8)
        picture[:, 40 * side : 40 + 40 * side] = 220
        mask = picture[..., 0] > 128
        return vl.data.Example(picture, side, mask, f"picture {number}")

    def truths(self, number):
        example = self[number]
        won = np.random.default_rng(number).random() < 0.5
        lot = {"won": np.ones((48, 80), bool)} if won else {}
        return {"side": {self.truth_names["side"][example.label]: example.mask}, "lot": lot}


@pytest.fixture(scope="module")
def vit():
    return vl.load(timm_model("CLS"))


@pytest.fixture(scope="module")
def found(vit):
    draw = torch.Generator().manual_seed(0)
    encoder, decoder = (torch.randn(30, vit.width, generator=draw) for _ in range(2))
    sae = SAE(
        "resid_post",
        1,
        "all",
        encoder,
        torch.zeros(30),
        decoder,
        torch.zeros(vit.width),
        activation=Activation("topk", k=6),
    )
    return vl.analysis.best_features(vit, Planted(), sae=sae, n_shuffles=10)


def test_what_is_white_is_told_and_what_was_drawn_by_lot_is_not(found):
    assert found.features == ("latents", "neurons", "channels")
    table = found.table()
    sides, lots = (table[table["kind"] == kind] for kind in ("side", "lot"))
    assert len(sides) == 6
    assert len(lots) == 3
    assert sides["F1"].min() > 0.6
    assert (sides["F1"] > sides["largest null F1"]).all()
    assert (sides["p"] <= 1 / 11 + 1e-9).all()
    assert (lots["p"] > 1 / 11).all()
    assert (table["F1, half of 95 %"] >= 0).all()


def test_activations_are_those_of_the_sites(found, vit):
    data = Planted()
    trace = vit.trace([data[number].image for number in range(40)])
    neurons = trace["mlp_post", 1][:, vit.layout.patches]
    np.testing.assert_array_equal(found.tallies["neurons"], bins_of(neurons).numpy())
    stream = trace["resid_post", 1][:, vit.layout.patches]
    both = torch.cat([stream, -stream], -1)
    np.testing.assert_array_equal(found.tallies["channels"], bins_of(both).numpy())


def test_gains_are_of_the_same_images(found):
    gain = found.gain("side")
    parts = [found.mean_f1(features, "side").mean for features in ("latents", "neurons")]
    assert found.mean_f1("latents", "side").n == found.n_images // 2
    assert gain.mean == pytest.approx(parts[0] - parts[1])
    assert gain.low <= gain.mean <= gain.high
    assert "latents are above neurons by" in found.summary()
    assert found.figure("side").renderers
    with refused(vl.UsageError):
        found.figure("shape")
    with refused(vl.UsageError):
        found.gain("side", over="heads")


def test_what_few_images_show_has_no_numbers(vit):
    few = vl.analysis.best_features(vit, Planted(), layer=1, n_images=6)
    assert few.table()["F1"].isna().all()
    assert "nan" in few.summary()


@pytest.mark.parametrize("model", ["four registers and layer scale", "mean of patches"])
def test_it_runs_in_batches_and_goes_on(model, tmp_path):
    vit = vl.load(timm_model(model))
    whole = vl.analysis.best_features(vit, Planted(), layer=2, n_images=16, batch_size=16)
    vl.analysis.best_features(vit, Planted(), layer=2, n_images=7, batch_size=3, save_to=tmp_path)
    again = vl.analysis.best_features(
        vit, Planted(), layer=2, n_images=16, batch_size=5, save_to=tmp_path
    )
    for name, part in whole.tallies.items():
        assert (part == again.tallies[name]).mean() > 0.999  # a bin more or less by rounding


def test_what_cannot_be_is_refused(vit):
    picture = np.zeros((48, 80, 3), np.uint8)
    plain = vl.data.Examples([(picture, "cat")] * 20, ["cat", "dog"])
    best = vl.analysis.best_features
    zeros = torch.zeros(4, vit.width)
    readout = SAE("resid_post", 1, "readout", zeros, torch.zeros(4), zeros, torch.zeros(vit.width))
    for data, words in (
        (plain, {"layer": 1}),
        (Planted(), {"layer": 1, "sae": readout}),
        (Planted(), {"layer": 7}),
        (Planted(), {"layer": 1, "least": {"shape": 0.5}}),
        (Planted(), {"layer": 1, "least": {"side": 0}}),
        (Planted(), {"layer": 1, "n_shuffles": 1}),
        ([], {"layer": 1}),
    ):
        with refused(vl.UsageError):
            best(vit, data, **words)
    with refused(vl.UsageError):
        best(vit, Planted(), sae=readout)
