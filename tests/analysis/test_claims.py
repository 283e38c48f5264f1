"""Verdicts follow from numbers and their intervals, and say when they cannot be told."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import vitlens_widgets as vl
from tests.sentences import refused
from vitlens_widgets.analysis.claims import (
    VERDICTS,
    Claims,
    Estimate,
    by_p,
    counted,
    estimate,
    in_every,
    in_most,
)
from vitlens_widgets.analysis.over_images import over_images

YES, NO, OPEN = (VERDICTS[holds] for holds in (True, False, None))
NUMBERS = st.floats(-10, 10)
HALVES = st.floats(0, 3)
ESTIMATES = st.builds(Estimate, NUMBERS, HALVES)


@pytest.mark.parametrize(
    ("one", "other", "above"),
    [
        ((0.5, 0.1), (0.3, 0.05), True),
        ((0.3, 0.05), (0.5, 0.1), False),
        ((0.5, 0.15), (0.3, 0.05), None),
        ((0.5, 0.0), (0.5, 0.0), None),
        ((np.nan, 0.1), (0.3, 0.05), None),
        ((0.5, np.nan), (0.3, 0.05), None),
    ],
)
def test_a_mean_is_above_another_if_their_intervals_are_apart(one, other, above):
    assert Estimate(*one).above(Estimate(*other)) is above


@given(one=ESTIMATES, other=ESTIMATES)
def test_above_is_the_reverse_of_below(one, other):
    reverse = {True: False, False: True, None: None}
    assert one.above(other) is reverse[other.above(one)]


@given(one=ESTIMATES, other=ESTIMATES, margin=st.floats(0.01, 5))
def test_near_is_true_or_false_only_if_it_is_so_for_all_of_both_intervals(one, other, margin):
    distances = [
        abs(one.value + a * one.half - other.value - b * other.half)
        for a in np.linspace(-1, 1, 5)
        for b in np.linspace(-1, 1, 5)
    ]
    near = one.near(other, margin)
    if near is True:
        assert max(distances) <= margin + 1e-9
    if near is False:
        assert min(distances) >= margin - 1e-9


def test_a_number_stands_for_itself():
    assert Estimate(0.2, 0.05).above(0.1) is True
    assert Estimate(0.2, 0.05).near(0.22, 0.1) is True
    assert str(Estimate(0.25)) == "0.250"
    assert str(Estimate(0.25, 0.0125)) == "0.250 ± 0.013"


def test_one_number_per_image_becomes_a_mean_with_student_s_interval():
    values = np.array([0.3, 0.7, np.nan, 0.4, 0.9])
    there = values[~np.isnan(values)]
    low, high = stats.t.interval(0.95, 3, there.mean(), stats.sem(there))
    found = estimate(values)
    assert found.value == pytest.approx(there.mean())
    assert [found.value - found.half, found.value + found.half] == pytest.approx([low, high])
    assert np.isnan(estimate(values[:1]).half)


def test_a_place_is_chosen_where_there_are_several():
    over = over_images(np.array([[0.1, 0.3], [0.5, 0.9]]))
    assert estimate(over, 1).value == pytest.approx(0.7)
    assert estimate(over, -2).value == pytest.approx(0.2)
    with refused(vl.UsageError):
        estimate(over)


def test_places_are_counted():
    assert [in_most(one) for one in ([True, True, None], [False, False, True], [True, None])] == [
        True,
        False,
        None,
    ]
    assert [in_every(one) for one in ([True] * 3, [True, False], [True, None])] == [
        True,
        False,
        None,
    ]
    assert counted([True, False, None, True], "so") == "so in 2 of 4, the reverse in 1"
    assert [by_p(p) for p in (0.01, 0.5, 0.99)] == [True, None, False]


def test_each_model_s_verdict_is_printed_and_kept(capsys):
    claims = Claims(["a", "b", "c"])
    left = {"a": Estimate(0.9, 0.1), "b": Estimate(0.2, 0.1), "c": Estimate(0.5, 0.1)}
    claims.compare("It is large", "0.8", {"it": left.get, "chance": lambda _: 0.5})
    claims.judge("It is so", "shown", lambda name: (name == "a" or None, f"of {name}"))
    table = claims.table()
    measured = [f"{name}, measured" for name in "abc"]
    assert list(table)[::2] == ["claim", *"abc"]
    assert list(table)[1::2] == ["in the paper", *measured]
    assert table["in the paper"].tolist() == ["0.8", "shown"]
    assert table[[*"abc"]].iloc[0].tolist() == [f"✓ {YES}", f"✗ {NO}", f"? {OPEN}"]
    numbers = [f"it {it} ± 0.100, chance 0.500" for it in ("0.900", "0.200", "0.500")]
    assert table[measured].iloc[0].tolist() == numbers
    assert table[measured].iloc[1].tolist() == ["of a", "of b", "of c"]
    assert table["a"].iloc[1] == f"✓ {YES}"
    assert claims.rows[0]["b"] == f"{NO}: {numbers[1]}"
    printed = capsys.readouterr().out
    assert printed.startswith(f"It is large\n  a: {YES}: it 0.900 ± 0.100, chance 0.500\n")


def test_a_comparison_has_two_sides():
    with refused(vl.UsageError):
        Claims(["a"]).compare("It is so", "shown", {"it": lambda _: 0.5})
