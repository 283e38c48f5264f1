"""Head classes against every permutation of the keys, and weights at each offset against loops."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import vitlens_widgets as vl
from tests.analysis.head_oracle import PAIRS, between, random_patterns, trace_with
from tests.sentences import refused
from tests.small_models import pixels_for, timm_model
from vitlens_widgets.analysis import heads
from vitlens_widgets.analysis.heads.chance import against_chance
from vitlens_widgets.analysis.heads.shares import GEOMETRY, of_pairs


@pytest.mark.parametrize("name", GEOMETRY)
def test_the_null_is_that_of_every_permutation_of_the_keys(name):
    layout = vl.TokenLayout(2, 3)
    places = heads.Places(layout, torch.arange(6))
    members = of_pairs(name, places)
    weights = torch.from_numpy(random_patterns(2, 6, 6, seed=4))
    weight, mean, variance, total = against_chance(weights, members)
    for head in range(2):
        every = [
            float((members * weights[head][:, list(order)]).sum())
            for order in permutations(range(6))
        ]
        assert weight[head] == pytest.approx(every[0], rel=1e-5)  # the first leaves all in place
        assert mean[head] == pytest.approx(np.mean(every), rel=1e-5)
        assert variance[head] ** 0.5 == pytest.approx(np.std(every), rel=1e-4, abs=1e-6)
        assert total[head] == pytest.approx(6, rel=1e-5)


def test_the_classes_are_scored_as_in_the_statistics():
    patterns = random_patterns(3, 2, 4, 29, 29)
    trace = trace_with("four registers and layer scale", patterns)
    table, found = heads.geometry(trace).table(), heads.statistics(trace)
    assert len(table) == 3 * 4 * len(GEOMETRY)
    for row in table.to_dict("records"):
        expected = found.values[row["geometry"]][row["layer"], row["head"]]
        assert row["score"] == pytest.approx(expected, rel=1e-5)
        assert row["ratio"] == pytest.approx(row["score"] / row["by_chance"])
    one = heads.geometry(trace, 1).table()
    assert (one["score"] != table["score"]).any()


def test_a_head_of_a_class_stands_out_and_one_accidental_patch_does_not():
    layout = vl.load(timm_model("CLS")).layout
    corners = [layout.token(r, c) for r in (0, layout.rows - 1) for c in (0, layout.cols - 1)]
    patterns = np.full((3, 1, 4, 16, 16), 1e-4, np.float32)
    patterns[:, :, 0, :, corners] = 1  # reads every corner
    patterns[:, :, 1, :, corners[0]] = 1  # reads one corner only
    patterns[:, :, 2] = 1 / 16  # uniform
    patterns[:, :, 3, 1:, 1:] += np.eye(15, k=1, dtype=np.float32)  # reads the next patch
    patterns /= patterns.sum(-1, keepdims=True)
    trace = trace_with("CLS", patterns)
    z = {
        (r["layer"], r["head"], r["geometry"]): r["z"]
        for r in heads.geometry(trace).table().to_dict("records")
    }
    assert z[0, 0, "corner"] > 3.5
    assert 1 < z[0, 1, "corner"] < 2
    assert z[0, 2, "corner"] == z[0, 2, "row"] == z[0, 2, "neighbours"] == 0
    assert z[0, 3, "row"] > 3
    assert z[0, 3, "corner"] < 1


def test_dropped_patches_have_no_part_in_the_classes():
    patterns = random_patterns(3, 1, 4, 25, 25)
    trace = trace_with("four registers and layer scale", patterns, drop=(6, 11, 12, 28))
    tokens = trace.tokens.tolist()
    for row in heads.geometry(trace).table().to_dict("records"):
        of_head = patterns[row["layer"], :, row["head"]]
        expected = between(of_head, trace.layout, tokens, PAIRS[row["geometry"]])
        assert row["score"] == pytest.approx(expected, rel=1e-5)


def by_offset(patterns, layout, tokens, radius):
    """Loops over all pairs of patches: the share of weight at each offset."""
    side, total = 2 * radius + 1, 0.0
    sums = np.zeros((side, side))
    for image in patterns:
        for q, query in enumerate(tokens):
            for k, key in enumerate(tokens):
                here, there = layout.row_col(query), layout.row_col(key)
                if here is None or there is None:
                    continue
                total += image[q][k]
                down, right = there[0] - here[0] + radius, there[1] - here[1] + radius
                if 0 <= down < side and 0 <= right < side:
                    sums[down, right] += image[q][k]
    return sums / total


@pytest.mark.parametrize("radius", [0, 1, 2, 7])
@pytest.mark.parametrize(("special", "n"), [("CLS", 16), ("mean of patches", 15)])
def test_the_weight_at_each_offset_is_what_loops_give(special, n, radius):
    patterns = random_patterns(3, 2, 4, n, n)
    trace = trace_with(special, patterns)
    found = heads.neighbourhood(trace, radius)
    assert found.values.shape == (3, 4, 2 * radius + 1, 2 * radius + 1)
    for layer in range(3):
        for head in range(4):
            expected = by_offset(patterns[layer, :, head], trace.layout, range(n), radius)
            np.testing.assert_allclose(found.values[layer, head], expected, rtol=1e-6)
    uniform = by_offset(np.ones((1, n, n)), trace.layout, range(n), radius)
    np.testing.assert_allclose(found.null, uniform, rtol=1e-6)
    if radius == 7:  # beyond the grid in every direction
        np.testing.assert_allclose(found.values.sum((-1, -2)), 1, rtol=1e-6)
        assert (found.ratio[..., 0, :] == 0).all()


@given(st.integers(0, 10**6))
@settings(max_examples=8, deadline=None)
def test_offsets_and_statistics_say_the_same(seed):
    patterns = random_patterns(3, 1, 4, 16, 16, seed=seed)
    trace = trace_with("CLS", patterns)
    found, window = heads.statistics(trace).values, heads.neighbourhood(trace, 4).values
    down, right = np.mgrid[-4:5, -4:5]
    np.testing.assert_allclose(
        found["distance"], (window * np.hypot(down, right)).sum((-1, -2)), rtol=1e-5
    )
    same_row = (down == 0) & (right != 0)
    np.testing.assert_allclose(found["row"], (window * same_row).sum((-1, -2)), rtol=1e-5)
    around = (abs(down) <= 1) & (abs(right) <= 1) & ((down != 0) | (right != 0))
    np.testing.assert_allclose(found["neighbours"], (window * around).sum((-1, -2)), rtol=1e-5)


def test_the_table_names_the_offset_that_stands_out():
    patterns = np.full((3, 1, 4, 16, 16), 1e-3, np.float32)
    patterns[1, :, 2, 6:, 1:11] += np.eye(10, dtype=np.float32)  # the patch above, on 3 x 5
    patterns /= patterns.sum(-1, keepdims=True)
    trace = trace_with("CLS", patterns)
    row = heads.neighbourhood(trace).table().to_dict("records")[1 * 4 + 2]
    assert (row["layer"], row["head"]) == (1, 2)
    assert (row["rows_down"], row["columns_right"]) == (-1, 0)
    assert row["ratio"] == pytest.approx(row["share"] / row["uniform"])
    assert "rows_down" in repr(heads.neighbourhood(trace))


@pytest.mark.parametrize("radius", [-1, 1.5, "1"])
def test_a_radius_that_is_none_is_refused(radius):
    trace = vl.load(timm_model("CLS")).trace(pixels_for((48, 80)), preprocessed=True)
    with refused(vl.UsageError):
        heads.neighbourhood(trace, radius)
