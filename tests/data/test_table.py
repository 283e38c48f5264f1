"""A table says what is in it, to people and to programs."""

from __future__ import annotations

import csv

import pytest

import vitlens_widgets as vl
from vitlens_widgets.data import Table


@pytest.fixture
def table():
    return Table({"state": ["0_pre", "final"], "entropy": [2.123456789, 0.5], "rank": [3, 1]})


def test_columns_and_rows(table):
    assert list(table) == ["state", "entropy", "rank"]
    assert table["rank"] == [3, 1]
    assert table.n_rows == 2
    assert table.rows()[1] == {"state": "final", "entropy": 0.5, "rank": 1}


def test_text_and_html_round_numbers_and_escape_names(table):
    assert repr(table).splitlines() == [
        "state  entropy  rank",
        "0_pre  2.123    3",
        "final  0.5      1",
    ]
    label = Table({"<b>": ["<script>alert(1)</script>"]}, title="a < b")._repr_html_()
    assert "<script>" not in label
    assert "&lt;b&gt;" in label
    assert "a &lt; b" in label


def test_long_tables_say_how_much_they_hide():
    assert repr(Table({"n": range(25)})).endswith("... and 5 more rows")


def test_csv_holds_every_digit(table, tmp_path):
    table.to_csv(tmp_path / "t.csv")
    with (tmp_path / "t.csv").open() as file:
        assert list(csv.reader(file))[1] == ["0_pre", "2.123456789", "3"]


def test_columns_of_different_length_and_unknown_columns_are_refused(table):
    with pytest.raises(vl.UsageError, match="one length"):
        Table({"a": [1], "b": [1, 2]})
    with pytest.raises(KeyError, match="entropy"):
        table["entropi"]
