"""Tables as a notebook shows them; to programs they are pandas' own."""

from __future__ import annotations

import io
import math
import pickle
import re

import numpy as np
import pandas as pd
import pytest

from vitlens_widgets.data import frame
from vitlens_widgets.data.shown_table import MOST_ROWS, shown_columns, with_half


def cells(table):
    """The rows of what a notebook shows, heads first, as (text, whether it stands left)."""
    lines = re.findall(r"<tr>(.*?)</tr>", table._repr_html_())
    pattern = r'<t[hd] style="text-align: (left|right)[^"]*">(.*?)</t[hd]>'
    return [[(text, side == "left") for side, text in re.findall(pattern, line)] for line in lines]


@pytest.mark.parametrize(
    ("value", "half", "text"),
    [
        (0.6721, 0.0134, "0.672 ± 0.013"),
        (0.44, 0.04, "0.440 ± 0.040"),
        (-12.34, 1.5, "−12.3 ± 1.5"),
        (1234.5, 98.7, "1234 ± 99"),
        (0.01234, 0.000123, "0.01234 ± 0.00012"),
        (0.5, 0.0, "0.5"),
        (0.5, math.nan, "0.5"),
        (math.nan, math.nan, "–"),
        (3, 0.2, "3.00 ± 0.20"),
        (2.0, None, "2"),
    ],
)
def test_two_digits_of_the_interval_say_how_many_of_the_mean(value, half, text):
    assert with_half(value, half) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (12345.0, "12345"), (1281167.0, "1281167"), (-12345.678, "−12346"), (9999.96, "10000"),
        (999.96, "1000"), (123.456, "123.5"), (-0.000123456, "−0.0001235"), (3e17, "3e+17"),
        (math.inf, "inf"), (pd.NA, "–"), (pd.NaT, "–"), (None, "–"), (math.nan, "–"),
        (True, "True"), ([1, 2], "[1, 2]"),
    ],
)  # fmt: skip
def test_a_number_is_written_out_and_what_is_missing_is_a_dash(value, text):
    shown = cells(frame({"a": pd.Series([value, "x"], dtype=object)}))
    assert shown[1][0] == (text, True)


def test_pandas_own_missing_numbers_and_levels_are_shown():
    table = frame({"n": pd.array([1, None], "Int64"), "±": pd.array([None, 2], "Int64")})
    assert [row[0][0] for row in cells(table)] == ["n", "1", "–"]
    levels = frame({"a": [0, 0, 1], "b": [0, 1, 0], "c": [12345.0, 2.0, 3.0]}).set_index(["a", "b"])
    for derived in (levels, levels.unstack("b")):
        html = derived._repr_html_()
        assert "12345" in html
        assert "(" not in html


def test_a_mean_and_its_interval_are_one_cell_words_stand_left_numbers_right():
    table = frame({
        "what": ["<b>one</b>", None], "score": [0.25, 0.5], "± (score)": [0.021, np.nan],
        "count": [3, 12345], "rate": [0.123456, 2e-7], "±": [0.02, 3e-8],
    })  # fmt: skip
    assert cells(table) == [
        [("what", True), ("score", False), ("count", False), ("rate", False)],
        [
            ("&lt;b&gt;one&lt;/b&gt;", True),
            ("0.250 ± 0.021", False),
            ("3", False),
            ("0.123 ± 0.020", False),
        ],
        [("–", True), ("0.5", False), ("12345", False), ("2e−07 ± 3e−08", False)],
    ]


def test_names_of_intervals_are_found_wherever_they_stand():
    other = {"mse ±": [0.1], "a": [1.0], "mse": [0.5], "b": [2.0], "± (of b)": [0.3]}
    names = [(name, texts) for name, texts, _ in shown_columns(frame(other))]
    assert names == [("a", ["1"]), ("mse", ["0.50 ± 0.10"]), ("b", ["2.00 ± 0.30"])]


def test_long_tables_show_their_first_and_last_rows_and_indices_that_say_something():
    table = frame({"row": range(200)})
    shown = cells(table)
    assert len(shown) == 1 + MOST_ROWS + 1
    assert [shown[1][0][0], shown[30][0][0], shown[32][0][0], shown[-1][0][0]] == [
        "0",
        "29",
        "170",
        "199",
    ]
    assert "200 rows" in table._repr_html_()
    assert cells(table.set_index(table["row"].astype(str)).head(1))[1] == [
        ("0", True),
        ("0", False),
    ]


def test_to_programs_it_is_a_data_frame_like_any():
    columns = {"score": [0.25, 0.5], "± (score)": [0.02, 0.04]}
    table = frame(columns, "what it is of")
    pd.testing.assert_frame_equal(pd.DataFrame(table), pd.DataFrame(columns))
    assert isinstance(table, pd.DataFrame)
    assert pd.read_csv(io.StringIO(table.to_csv(index=False))).equals(pd.DataFrame(columns))
    again = pickle.loads(pickle.dumps(table))
    assert again.attrs["title"] == "what it is of"
    assert "±" in again.head(1)._repr_html_()
