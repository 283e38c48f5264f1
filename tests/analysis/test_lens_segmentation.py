"""Several lenses on the same scenes, and lenses of two halves of the same images."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import vitlens_widgets as vl
from tests.analysis.class_space_oracle import examples
from tests.lenses.fitted_by_hand import small
from tests.sentences import refused
from vitlens_widgets.analysis.lens_agreement.stability import HalfOfData
from vitlens_widgets.lenses.fitted.split import HeldOutSplit

NAMES = ("toy/p32", "toy/p32-taught")


@pytest.fixture(scope="module")
def found():
    lenses = {f"tuned, {name}": vl.TunedLens.load(name, vl.load(name)) for name in NAMES}
    scenes = [vl.world.scene(700 + i, objects=2) for i in range(6)]
    return vl.analysis.lens_segmentation(lenses, iter(scenes)), lenses, scenes


def test_each_lens_is_measured_as_alone_beside_its_models_logit_lens(found):
    result, lenses, scenes = found
    plain = [f"logit lens, {name}" for name in NAMES]
    assert list(result.found) == [*plain, *lenses]
    for (name, lens), other in zip(lenses.items(), plain, strict=True):
        assert result.plain[name] == other
        alone = vl.analysis.segmentation(lens, scenes)
        logit = vl.analysis.segmentation(lens.vit, scenes)
        np.testing.assert_array_equal(alone.things(), result.found[name].things())
        differences = alone.things() - logit.things()
        more = result.more(name)
        np.testing.assert_allclose(more.mean, differences.mean(1))
        half = 2.570582 * differences.std(1, ddof=1) / 6**0.5
        np.testing.assert_allclose(more.half, half, rtol=1e-5)
    table = result.table().set_index(["lens", "state"])
    row = table.loc[("tuned, toy/p32", "3_pre")]
    assert row["more than the logit lens"] == result.more("tuned, toy/p32").mean[3]
    assert (table.loc["logit lens, toy/p32"]["more than the logit lens"] == 0).all()
    # at the end all lenses are their model
    assert (result.more("tuned, toy/p32").mean[-1] == 0).all()


def test_names_are_the_lenses_own(found):
    _, lenses, scenes = found
    one, other = lenses.values()
    several = vl.analysis.lens_segmentation([one, other], scenes[:2])
    assert list(several.plain)[2:] == [f"tuned lens, {name}" for name in NAMES]
    alone = vl.analysis.lens_segmentation(one, scenes[:2])
    assert list(alone.found) == ["logit lens", "tuned lens"]
    for wrong in ([], [one, one], ["tuned lens"], {"a": one.vit}, one.vit):
        with refused(vl.UsageError):
            vl.analysis.lens_segmentation(wrong, scenes[:2])
    with refused(vl.UsageError):
        alone.more("logits")
    with refused(vl.UsageError):
        alone.table("mIoU")


def test_halves_are_disjoint_and_lenses_are_of_them():
    vit = small("CLS")
    train, data = examples(vit, 9, seed=4), examples(vit, 3)
    seen = []

    def fit(vit, half, seed):
        images = [half[i].image for i in range(half.count)]
        seen.append((seed, [image.sum() for image in images]))
        torch.manual_seed(seed)
        states = vit.trace(images).states
        return vl.AffineLens(
            vit, None, (states[-1:] - states[:-1]).mean((1, 2))[:, None], kinds=["all"]
        )

    found = vl.analysis.lens_stability(vit, train, data, fit=fit, n_train=9)
    whole = [train[i].image.sum() for i in range(9)]
    assert seen == [(0, whole[::2]), (0, whole[1::2]), (1, whole[::2])]
    names = ["logit lens", "first half", "second half", "first half, another seed"]
    assert list(found.values["kl"]) == names
    same = found.same["first half", "first half, another seed"]
    np.testing.assert_array_equal(same.mean, 1)  # this fit has no seed
    assert (found.same["first half", "second half"].mean[-1] == 1).all()
    for words in ({"fit": "lens"}, {"fit": 3}, {"n_train": 1}, {"fit": lambda *_: 0}):
        with refused(vl.UsageError):
            vl.analysis.lens_stability(vit, train, data, **{"n_train": 9, **words})
    with refused(vl.UsageError):
        vl.analysis.lens_stability(vit, train, train, fit=fit, n_train=9)


def test_halves_of_a_stream_are_gone_through_in_order():
    """Going back begins a stream anew, so that passes in another order would read it all again."""
    vit, begun = small("CLS"), [0]
    images = examples(vit, 20, seed=4)

    class Items:
        def __iter__(self):
            begun[0] += 1
            return iter([(images[i].image, images[i].label) for i in range(20)])

    half = HalfOfData(vl.data.Streamed(Items(), images.labels, count=20), 20, 1)
    split = HeldOutSplit(half, None, 2, seed=0)
    for number in split.in_order(0, 16):
        half[number]
    assert begun == [2]  # two passes
