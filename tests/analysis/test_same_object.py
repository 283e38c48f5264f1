"""Attention within the things of a picture, against loops."""

from __future__ import annotations

import numpy as np
import pytest

import vitlens_widgets as vl
from tests.analysis.head_oracle import random_patterns, trace_with
from tests.sentences import refused
from vitlens_widgets.analysis import heads

PATCHES = [
    [[0, 1, 1, 0, 2], [3, 1, 1, 0, 2], [0, 0, 0, 0, 0]],
    [[4, 4, 0, 0, 0], [0, 0, 0, 7, 7], [0, 5, 0, 7, 7]],
]
"""Things on the 3 x 5 patches of two images; 3 and 5 have one patch only."""


def masks():
    """Pixels: every patch 6 x 6 of which a third, the least, shows something else."""
    found = []
    for patches in PATCHES:
        pixels = np.kron(np.array(patches), np.ones((6, 6), int))
        pixels[::3] = 9
        found.append(pixels)
    return found


def by_hand(patterns, image):
    """(weight on the same thing, weight of askers) of one head, pair by pair."""
    things = np.array(PATCHES[image]).ravel()
    same = total = 0.0
    for query, thing in enumerate(things):
        if thing == 0 or (things == thing).sum() < 2:
            continue
        for key, other in enumerate(things):
            weight = float(patterns[1 + query, 1 + key])
            total += weight
            same += weight * (other == thing and key != query)
    return same, total


def test_the_score_is_the_share_within_things():
    patterns = random_patterns(3, 2, 4, 16, 16)
    table = heads.same_object(trace_with("CLS", patterns), masks()).table()
    assert len(table) == 12
    for row in table.to_dict("records"):
        both = [by_hand(patterns[row["layer"], i, row["head"]], i) for i in range(2)]
        same, total = np.sum(both, axis=0)
        assert row["score"] == pytest.approx(same / total, rel=1e-5)


def test_chance_is_what_shuffled_keys_give():
    patterns = random_patterns(3, 2, 4, 16, 16, seed=3)
    table = heads.same_object(trace_with("CLS", patterns), masks()).table()
    rng, found = np.random.default_rng(0), []
    for _ in range(1000):
        shares = np.zeros(2)
        for image in range(2):
            order = [0, *(1 + rng.permutation(15))]
            shares += by_hand(patterns[2, image, 1][:, order], image)
        found.append(shares[0] / shares[1])
    row = table.to_dict("records")[2 * 4 + 1]
    sd = (row["score"] - row["by_chance"]) / row["z"]
    assert row["by_chance"] == pytest.approx(np.mean(found), abs=4 * sd / 1000**0.5)
    assert sd == pytest.approx(np.std(found), rel=0.12)


def test_a_head_that_reads_its_own_thing_stands_out():
    patterns = np.full((3, 2, 4, 16, 16), 0.01, np.float32)
    for image, patches in enumerate(PATCHES):
        things = np.array(patches).ravel()
        patterns[1, image, 2, 1:, 1:] += things[:, None] == things[None]
    patterns /= patterns.sum(-1, keepdims=True)
    z = heads.same_object(trace_with("CLS", patterns), masks()).z.ravel()
    assert z[1 * 4 + 2] > 4
    np.testing.assert_allclose(np.delete(z, 6), 0, atol=1e-6)


def test_masks_that_do_not_fit_are_refused():
    trace = trace_with("CLS", random_patterns(3, 2, 4, 16, 16))
    cases = {
        "2 images were traced, but as masks 1 given": masks()[:1],
        "but as masks None given; give one per image": None,
        "as the model saw it, 48 x 80; one of 18 x 60 has another": [
            np.repeat(mask, 2, axis=1) for mask in masks()
        ],
        r"3 x 5 patches divide; this one is int64 \[18, 29\]": [m[:, :-1] for m in masks()],
        "whole numbers": [mask / 2 for mask in masks()],
        "No thing in these masks": [np.zeros((3, 5), int)] * 2,
    }
    for given in cases.values():
        with refused(vl.UsageError):
            heads.same_object(trace, given)
