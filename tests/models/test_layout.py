"""The token layout: every token once, prefix first, patches row by row."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import vitlens_widgets as vl
from tests.sentences import refused

layouts = st.builds(
    vl.TokenLayout,
    rows=st.integers(1, 40),
    cols=st.integers(1, 40),
    prefix=st.sampled_from([(), ("CLS",), ("CLS", "register 1", "register 2")]),
)


@given(layouts)
def test_tokens_and_places_are_each_others_inverse(layout):
    places = [layout.row_col(token) for token in range(layout.n_tokens)]
    assert places[: layout.n_prefix] == [None] * layout.n_prefix
    rows_first = [(row, col) for row in range(layout.rows) for col in range(layout.cols)]
    assert places[layout.n_prefix :] == rows_first
    assert [layout.token(*place) for place in rows_first] == [
        *range(*layout.patches.indices(10**9))
    ]


def test_tokens_in_words():
    layout = vl.TokenLayout(3, 5, ("CLS", "register 1"))
    assert layout.describe(0) == "CLS"
    assert layout.describe(1) == "register 1"
    assert layout.describe(2 + 5 + 3) == "row 1, col 3"
    assert str(layout) == "3 × 5 patches + CLS + 1 register"
    assert str(vl.TokenLayout(2, 2, ("CLS", "register 1", "register 2"))).endswith("2 registers")


@pytest.mark.parametrize("token", [-1, 17])
def test_a_token_that_is_not_there_is_refused(token):
    layout = vl.TokenLayout(3, 5, ("CLS", "register 1"))
    for ask in (layout.describe, layout.row_col, layout.check):
        with refused(vl.UsageError):
            ask(token)


@pytest.mark.parametrize(("row", "col"), [(3, 0), (0, 5), (-1, 0)])
def test_a_patch_outside_the_grid_is_refused(row, col):
    with refused(vl.UsageError):
        vl.TokenLayout(3, 5).token(row, col)


grids = st.builds(
    vl.TokenLayout,
    rows=st.integers(1, 9),
    cols=st.integers(1, 9),
    prefix=st.sampled_from([0, 1, 5, 8]).map(lambda n: tuple(f"register {i}" for i in range(n))),
)


@given(grids, st.integers(1, 5), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_coverage_is_the_share_of_each_patchs_pixels(layout, high, wide, seed):
    mask = np.random.default_rng(seed).random((layout.rows * high, layout.cols * wide)) < 0.4
    covered = layout.coverage(mask)
    assert covered.shape == (layout.rows, layout.cols)
    for token in range(layout.n_prefix, layout.n_tokens):
        row, col = layout.row_col(token)
        patch = mask[row * high : (row + 1) * high, col * wide : (col + 1) * wide]
        assert covered[row, col] == patch.sum() / (high * wide)
    np.testing.assert_array_equal(layout.coverage(mask * 7), covered)  # not zero is marked
    np.testing.assert_array_equal(layout.coverage(np.stack([mask, ~mask]))[0], covered)


@given(grids, st.lists(st.integers(1, 3), max_size=2))
def test_values_stand_on_the_grid_where_their_patch_does(layout, leading):
    tokens = np.broadcast_to(np.arange(layout.n_tokens), (*leading, layout.n_tokens))
    on_grid = layout.to_grid(tokens[..., layout.patches])
    assert on_grid.shape == (*leading, layout.rows, layout.cols)
    for row in range(layout.rows):
        for col in range(layout.cols):
            assert (on_grid[..., row, col] == layout.token(row, col)).all()
    of_torch = layout.to_grid(torch.from_numpy(tokens.copy())[..., layout.patches])
    assert isinstance(of_torch, torch.Tensor)
    np.testing.assert_array_equal(of_torch, on_grid)


@pytest.mark.parametrize("shape", [(7, 10), (6, 11), (6,), (0, 10)])
def test_a_mask_that_the_grid_does_not_tile_is_refused(shape):
    with refused(vl.UsageError):
        vl.TokenLayout(3, 5).coverage(np.ones(shape))


@pytest.mark.parametrize("shape", [(16,), (2, 14), (15, 2), ()])
def test_values_of_other_than_the_patches_are_refused(shape):
    with refused(vl.UsageError):
        vl.TokenLayout(3, 5, ("CLS",)).to_grid(np.ones(shape))
