"""The token layout: every token once, prefix first, patches row by row."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import vitlens_widgets as vl

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
        with pytest.raises(vl.UsageError, match="17 tokens, 0 to 16"):
            ask(token)


@pytest.mark.parametrize(("row", "col"), [(3, 0), (0, 5), (-1, 0)])
def test_a_patch_outside_the_grid_is_refused(row, col):
    with pytest.raises(vl.UsageError, match="rows run from 0 to 2, columns from 0 to 4"):
        vl.TokenLayout(3, 5).token(row, col)
