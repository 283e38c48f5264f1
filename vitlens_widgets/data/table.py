"""`Table`: named columns of equal length, for results that are read by people and by programs."""

from __future__ import annotations

import csv
import html
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from vitlens_widgets.errors import UsageError, did_you_mean

_ROWS_SHOWN = 20


class Table(Mapping[str, list]):
    """A small table: `table["rank"]` is a column, `table.rows()` gives the rows as dicts.

    It shows itself as text and, in a notebook, as HTML (escaped: names are data). With pandas
    installed, `pandas.DataFrame(dict(table))` takes it over.

    Args:
        columns: The columns by name, all of one length.
        title: Said above the table.

    Raises:
        UsageError: Columns of different length.
    """

    def __init__(self, columns: Mapping[str, Sequence[Any]], title: str = "") -> None:
        self._columns = {name: list(values) for name, values in columns.items()}
        self.title = title
        if len({len(values) for values in self._columns.values()}) > 1:
            lengths = {name: len(values) for name, values in self._columns.items()}
            raise UsageError(f"A table's columns must have one length; these have {lengths}.")

    def __getitem__(self, name: str) -> list:
        if name not in self._columns:
            raise KeyError(f"No column {name!r}.{did_you_mean(name, self._columns)}")
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    @property
    def n_rows(self) -> int:
        """How many rows there are."""
        return len(next(iter(self._columns.values()), []))

    def rows(self) -> list[dict[str, Any]]:
        """The rows, each as a dict."""
        return [dict(zip(self, row, strict=True)) for row in zip(*self.values(), strict=True)]

    def to_csv(self, path: str | Path) -> None:
        """Write the table as comma-separated values, numbers in full."""
        with Path(path).open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(self)
            writer.writerows(zip(*self.values(), strict=True))

    def __repr__(self) -> str:
        shown = [list(self), *self._shown()]
        widths = [max(len(row[i]) for row in shown) for i in range(len(self))]
        padded = [[c.ljust(w) for c, w in zip(row, widths, strict=True)] for row in shown]
        lines = ["  ".join(row) for row in padded]
        return "\n".join(line.rstrip() for line in [*self._heading(), *lines, *self._more()])

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{html.escape(name)}</th>" for name in self)
        cells = ("".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in self._shown())
        body = "".join(f"<tr>{row}</tr>" for row in cells)
        caption = html.escape(" ".join([*self._heading(), *self._more()]))
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        return f"<p>{caption}</p>{table}" if caption else table

    def _shown(self) -> list[list[str]]:
        first = [values[:_ROWS_SHOWN] for values in self.values()]
        return [[_said(value) for value in row] for row in zip(*first, strict=True)]

    def _heading(self) -> list[str]:
        return [self.title] if self.title else []

    def _more(self) -> list[str]:
        hidden = self.n_rows - _ROWS_SHOWN
        return [f"... and {hidden} more rows"] if hidden > 0 else []


def _said(value: Any) -> str:
    """A number as people read it; anything else as it is."""
    if isinstance(value, float):
        return f"{value:.4g}"
    return "" if value is None else str(value)
