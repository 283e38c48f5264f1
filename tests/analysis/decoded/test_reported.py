"""Verdicts on what is reported, of results whose numbers are made for the test."""

from __future__ import annotations

import numpy as np
import pytest

import vitlens_widgets as vl
from tests.sentences import refused
from vitlens_widgets.analysis import (
    CumulativeAblation,
    DecodedHeads,
    DecodedStates,
    OverlayStudy,
    steering_claims,
)
from vitlens_widgets.analysis.claims import VERDICTS
from vitlens_widgets.analysis.over_images import OverImages


def known(mean, half=0.01, n=50):
    mean = np.asarray(mean, float)
    every = np.full(mean.shape, half)
    return OverImages(mean, every, every, np.full(mean.shape, n))


def states_from(first):
    lead = np.where(np.arange(7) < first, 0.0, 0.3)
    names = ("picture", "picture of another image")
    alike = known(np.stack([lead + 0.1, np.full(7, 0.1)]))
    return DecodedStates("x", tuple("0123456"), names, alike, known(np.stack([0 * lead, lead])))


def heads_of(correlation, own, random=0.1, embedding=0.0, luck=0.02, of_random=0.0):
    names = ("picture", "embedding", "picture of a random direction")
    alike = known(np.stack([np.full((2, 3), one) for one in (own, 0.5, random)]))
    ahead = known([0, correlation - embedding, correlation - of_random])
    luck = np.random.default_rng(0).normal(0, luck, (3, 99))
    return DecodedHeads(
        "x",
        names,
        known(np.ones((2, 3))),
        alike,
        known([correlation, embedding, of_random]),
        ahead,
        luck,
    )


def areas_of(*areas):
    areas = np.array(areas)
    names = ("picture", "effect", "random")
    return CumulativeAblation(
        "x",
        names,
        np.arange(3),
        known(np.ones((3, 3))),
        known(areas),
        known(areas[:, None] - areas),
    )


def overlay_of(lead):
    names = ("picture holds", "picture loses")
    every = np.zeros((2, 2, 3))
    every[1, 1, 2] = lead
    holds = np.zeros((2, 3))
    holds[1, 2] = 1
    return OverlayStudy(
        "x", names, known(0.5), known(holds), known(every), known(0 * every), known(every)
    )


GOOD = {
    "states": states_from(4),
    "early": states_from(1),
    "heads": heads_of(0.4, 0.6),
    "raw": heads_of(0.0, 0.2),
    "cumulative": areas_of(0.4, 0.35, 0.6),
    "overlay": overlay_of(0.2),
}
BAD = {
    "states": states_from(1),
    "early": states_from(5),
    "heads": heads_of(-0.4, 0.1, 0.6),
    "raw": heads_of(0.0, 0.5),
    "cumulative": areas_of(0.7, 0.3, 0.6),
    "overlay": overlay_of(-0.2),
}
UNCLEAR = {
    "states": states_from(9),
    "early": states_from(9),
    "heads": heads_of(0.005, 0.2, 0.2),
    "raw": heads_of(0.0, 0.2),
    "cumulative": areas_of(0.6, 0.599, 0.6),
    "overlay": overlay_of(0.0),
}


@pytest.mark.parametrize(
    ("given", "holds"), [(GOOD, True), (BAD, False), (UNCLEAR, None), ({}, None)]
)
def test_every_claim_is_judged_by_its_interval(given, holds, capsys):
    claims = steering_claims("a model", **given)
    assert len(claims.rows) == 9
    for row in claims.rows:
        verdict, _, numbers = row["a model"].partition(": ")
        assert verdict == VERDICTS[holds], row
        assert (numbers == "not measured") == (not given)
    assert "a model" in capsys.readouterr().out
    assert list(claims.table().columns) == ["claim", "as reported", "a model", "a model, measured"]


@pytest.mark.parametrize(
    ("lead", "half", "late"),
    [
        ([0, 0.05, 0.1, 0.12, 0.3, 0.38, 0.4], 0.02, True),  # above from state 1 on, by little
        ([0, 0.05, 0.1, 0.12, 0.3, 0.38, 0.4], 0.13, None),
        ([0, 0.3, 0.1, 0.12, 0.3, 0.38, 0.4], 0.02, True),  # it does not stay so
        ([0, 0.25, 0.3, 0.32, 0.3, 0.38, 0.4], 0.02, False),
        ([0, 0.25, 0.3, 0.32, 0.3, 0.38, 0.4], 0.5, None),
    ],
)
def test_when_pictures_are_the_images_own_does_not_depend_on_how_many_images(lead, half, late):
    names = ("picture", "picture of another image")
    both = known(np.stack([np.zeros(7), lead]), half)
    states = DecodedStates("x", tuple("0123456"), names, both, both)
    for words, holds in (({"states": states}, late), ({"early": states}, late)):
        rows = steering_claims("x", **words).rows
        (said,) = (row["x"] for row in rows if not row["x"].endswith("not measured"))
        wanted = holds if "states" in words or holds is None else not holds
        assert said.partition(": ")[0] == VERDICTS[wanted]


def test_what_so_few_heads_may_do_by_luck_is_no_finding():
    for luck, holds in ((0.02, True), (0.4, None)):
        claims = steering_claims("x", heads=heads_of(0.4, 0.6, luck=luck))
        (row,) = (one for one in claims.rows if "matter more" in one["claim"])
        assert row["x"].partition(": ")[0] == VERDICTS[holds]


def test_what_a_random_direction_as_long_does_as_well_is_no_finding():
    for of_random, holds in ((0.1, True), (0.4, None), (0.6, None)):
        claims = steering_claims("x", heads=heads_of(0.4, 0.6, of_random=of_random))
        (row,) = (one for one in claims.rows if "matter more" in one["claim"])
        assert row["x"].partition(": ")[0] == VERDICTS[holds]


def test_without_pictures_nothing_is_said_of_them():
    vit, data = vl.load("toy/p32"), vl.world.Scenes(seed=500)
    words = {"n_images": 2, "batch_size": 2}
    found = {
        "states": vl.analysis.decoded_states(vit, data, **words),
        "heads": vl.analysis.decoded_heads(vit, data, n_permutations=5, **words),
        "cumulative": vl.analysis.cumulative_ablation(vit, data, n_random=1, n_points=3, **words),
        "overlay": vl.analysis.overlay_study(vit, data, **words),
    }
    for row in steering_claims("toy/p32", **found).rows:
        assert row["toy/p32"] == "cannot be told: not measured"


def test_results_of_another_kind_are_refused():
    for words in ({"heads": GOOD["states"]}, {"overlay": 3}, {"early": GOOD["heads"]}):
        with refused(vl.UsageError):
            steering_claims("a model", **words)
