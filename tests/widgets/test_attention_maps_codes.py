"""Maps as one byte a weight, and thumbnails, against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tests.widgets.fake_maps import random_maps
from vitlens_widgets.widgets.attention_maps import codes


@pytest.mark.parametrize("kind", ["pattern", "scores"])
def test_codes_are_the_nearest_to_each_number(kind):
    maps = random_maps(3, heads=4).of_layer(1, kind)
    code, ranges = codes.coded(maps, kind)
    assert code.dtype == np.uint8
    assert code.shape == maps.shape
    for head, values in enumerate(maps):
        lo, hi, _ = ranges[head]
        assert hi == values.max()
        assert lo == (0 if kind == "pattern" else values.min())
        place = (values / hi) ** 0.25 if kind == "pattern" else (values - lo) / (hi - lo)
        assert np.abs(code[head] - codes.LARGEST * place).max() <= 0.501
        back = codes.decoded(code[head], ranges[head], kind)
        slope = 4 * place**3 * hi if kind == "pattern" else hi - lo
        np.testing.assert_array_less(
            np.abs(back - values), 0.51 / codes.LARGEST * slope + 1e-4 * hi
        )


def test_the_top_of_a_pattern_is_exceeded_by_half_a_key_per_query():
    maps = random_maps(4, rows=5, cols=8, heads=3).of_layer(0)
    _, ranges = codes.coded(maps, "pattern")
    n = maps.shape[-1]
    for values, (_, _, top) in zip(maps, ranges, strict=True):
        assert abs((values > top).sum() - n / 2) <= 1
    fifty = np.random.default_rng(0).random((50, 50), dtype=np.float32)
    near = np.percentile(fifty, 99)
    assert abs(codes.exceeded_by_half_a_key(fifty.ravel(), 50) - near) < 1e-3


def test_the_top_of_scores_is_their_largest_magnitude():
    maps = random_maps(5).of_layer(2, "scores")
    _, ranges = codes.coded(maps, "scores")
    np.testing.assert_array_equal(ranges[:, 2], np.abs(maps).max((1, 2)))


@pytest.mark.parametrize("kind", ["pattern", "scores"])
def test_what_is_no_number_has_codes_of_its_own_and_leaves_the_range_alone(kind):
    maps = random_maps(6).of_layer(0, kind)
    clean = codes.coded(maps, kind)[1][0]
    broken = maps.copy()
    least = np.unravel_index(np.argsort(np.abs(maps[0]), axis=None)[200:202], maps[0].shape)
    broken[0][least[0][0], least[1][0]] = np.nan
    broken[0][least[0][1], least[1][1]] = -np.inf
    code, ranges = codes.coded(broken, kind)
    assert (code[0] == codes.NOT_A_NUMBER).sum() == (code[0] == codes.MINUS_INFINITY).sum() == 1
    assert code[0][least[0][0], least[1][0]] == codes.NOT_A_NUMBER
    back = codes.decoded(code, ranges, kind)
    np.testing.assert_array_equal(np.isnan(back), np.isnan(broken))
    np.testing.assert_array_equal(np.isneginf(back), np.isneginf(broken))
    np.testing.assert_array_equal(ranges[0][:2], clean[:2])
    assert (code[1] <= codes.LARGEST).all()


@pytest.mark.parametrize("kind", ["pattern", "scores"])
@pytest.mark.parametrize("value", [0.0, -np.inf, np.nan, 1.0])
def test_maps_of_one_value_are_coded_without_a_warning(kind, value, recwarn):
    code, ranges = codes.coded(np.full((1, 3, 3), value, np.float32), kind)
    assert len(set(code.ravel().tolist())) == 1
    assert np.isfinite(ranges).all()
    assert not recwarn


@given(
    arrays.arrays(np.float32, (2, 5, 5), elements=st.floats(0, 1, width=32, allow_subnormal=False))
)
def test_larger_weights_never_have_smaller_codes(maps):
    code, _ = codes.coded(maps, "pattern")
    for values, coded in zip(maps, code, strict=True):
        order = np.argsort(values, axis=None, kind="stable")
        assert (np.diff(coded.ravel()[order].astype(int)) >= 0).all()


@pytest.mark.parametrize(("n", "side"), [(25, 8), (64, 64), (50, 49), (197, 64), (7, 2)])
def test_a_pooled_cell_is_the_mean_of_its_block(n, side):
    maps = np.random.default_rng(n).standard_normal((2, n, n)).astype(np.float32)
    found = codes.pooled(maps, side)
    edges = [int(np.floor(i * n / side + 0.5)) for i in range(side + 1)]
    assert found.shape == (2, side, side)
    for i in range(side):
        for j in range(side):
            block = maps[:, edges[i] : edges[i + 1], edges[j] : edges[j + 1]]
            np.testing.assert_allclose(found[:, i, j], block.mean((1, 2)), atol=1e-5)


def test_knocked_out_keys_do_not_count_in_a_mean_unless_there_is_nothing_else():
    maps = np.arange(36, dtype=np.float32).reshape(1, 6, 6)
    maps[0, 0, 0] = maps[0, 2:4, 2:4] = -np.inf
    maps[0, 5, 5] = np.nan
    found = codes.pooled(maps, 3)[0]
    assert found[0, 0] == pytest.approx((1 + 6 + 7) / 3)
    assert found[1, 1] == -np.inf
    assert np.isnan(found[2, 2])
    assert np.isfinite(np.delete(found.ravel(), [4, 8])).all()
