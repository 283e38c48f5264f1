"""Separation is the area under the ROC curve, which is U of Mann and Whitney by the pairs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import mannwhitneyu

import vitlens_widgets as vl
from tests.sentences import refused
from vitlens_widgets.analysis.relevance.separation import own_above_other, separation

LAYOUT = vl.TokenLayout(rows=3, cols=4, prefix=("CLS", "register 1"))
PATCH = np.ones((2, 5), bool)


def masks_of(patches):
    """Each patch of a grid as 2 x 5 pixels."""
    return [np.kron(one.reshape(3, 4), PATCH).astype(bool) for one in patches]


def test_it_is_the_area_under_the_roc_curve_ties_included():
    rng = np.random.default_rng(0)
    values = rng.integers(0, 5, (6, LAYOUT.n_tokens)).astype(float)
    things = rng.random((6, 12)) < 0.4
    expected = [
        mannwhitneyu(row[thing], row[~thing]).statistic / (thing.sum() * (~thing).sum())
        for thing, row in zip(things, values[:, 2:], strict=True)
    ]
    assert separation(values, masks_of(things), LAYOUT) == pytest.approx(expected)
    tensor = torch.from_numpy(values)
    assert separation(tensor, masks_of(things), LAYOUT) == pytest.approx(expected)


def test_a_place_without_patches_has_no_value():
    nothing, everything = np.zeros(12, bool), np.ones(12, bool)
    values = np.zeros((2, LAYOUT.n_tokens))
    assert np.isnan(separation(values, masks_of([nothing, everything]), LAYOUT)).all()


def test_each_image_needs_its_mask():
    with refused(vl.UsageError):
        separation(np.zeros((2, 14)), masks_of([np.ones(12, bool)]), LAYOUT)


def test_both_things_are_asked_for():
    vit = vl.load("toy/attn-only-1l")
    trace = vit.trace([vl.world.scene(seed).image for seed in (0, 1)])
    rng = np.random.default_rng(1)
    kinds = rng.integers(0, 3, (2, *vit.layout.grid))
    places = [[np.kron(one == k, np.ones((4, 4))) for k in (1, 2)] for one in kinds]
    classes = torch.tensor([[0, 1], [3, 2]])
    score = torch.from_numpy(rng.random((5, vit.layout.n_tokens)))

    def relevance(_trace, of):
        return score[of]

    found = own_above_other(relevance, trace, classes, places)
    flat = kinds.reshape(2, -1)
    for image in range(2):
        each = []
        for own, other in ((1, 2), (2, 1)):
            row = score[classes[image, own - 1], vit.layout.patches].numpy()
            wins = [a > b for a in row[flat[image] == own] for b in row[flat[image] == other]]
            each.append(np.mean(wins))
        assert found[image] == pytest.approx(np.mean(each))
