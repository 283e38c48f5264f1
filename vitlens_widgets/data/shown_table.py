"""Tables as a notebook shows them: a mean with its interval in one cell, words from the left."""

from __future__ import annotations

import math
from html import escape
from typing import Any

from pandas import NA, DataFrame, MultiIndex, RangeIndex
from pandas.api.types import is_numeric_dtype

MOST_ROWS = 60
"""Rows that are shown; of more, the first and the last."""

LARGEST = 1e15
"""From here on a number is written with a power of ten; below it, to the ones at least."""

_LEFT, _RIGHT = "text-align: left; vertical-align: top", "text-align: right; vertical-align: top"


class Table(DataFrame):
    """A pandas DataFrame like any; only what a notebook shows of it is ours.

    Columns named "±" hold half the widths of the intervals of the columns that they belong to:
    `"± (score)"` or `"score ±"` of `"score"`, a bare `"±"` of the column before it.

    What pandas derives from it is shown so, too, but for rows or columns of several levels; as
    pandas shows it: `pandas.DataFrame(table)`.
    """

    @property
    def _constructor(self) -> type[Table]:
        return Table

    def _repr_html_(self) -> str:
        """The table as HTML, at most `MOST_ROWS` rows of it."""
        if any(isinstance(names, MultiIndex) for names in self.axes):
            return DataFrame(self).to_html(max_rows=MOST_ROWS)
        columns = shown_columns(self)
        rows = list(range(len(self)))
        cut = len(rows) > MOST_ROWS
        kept = rows[: MOST_ROWS // 2] + rows[-MOST_ROWS // 2 :] if cut else rows
        heads = "".join(_cell("th", name, is_left) for name, _, is_left in columns)
        lines = ["".join(_cell("td", cells[i], left) for _, cells, left in columns) for i in kept]
        if cut:
            lines.insert(MOST_ROWS // 2, "".join(_cell("td", "⋮", left) for _, _, left in columns))
        body = "".join(f"<tr>{line}</tr>" for line in lines)
        size = f"<p>{len(rows)} rows × {len(columns)} columns</p>" if cut else ""
        head = f"<thead><tr>{heads}</tr></thead>"
        return f'<div><table class="dataframe">{head}<tbody>{body}</tbody></table>{size}</div>'


def shown_columns(table: DataFrame) -> list[tuple[str, list[str], bool]]:
    """The columns as they are shown: name, text of each cell, and whether that stands left."""
    names = [str(name) for name in table.columns]
    values: list[list[Any]] = [table.iloc[:, i].tolist() for i in range(len(names))]
    owners = [_owner(names, i) for i in range(len(names))]
    halves = {owner: i for i, owner in enumerate(owners) if owner is not None}
    shown: list[tuple[str, list[str], bool]] = []
    if not isinstance(table.index, RangeIndex):
        shown.append((str(table.index.name or ""), [str(one) for one in table.index], True))
    for i, name in enumerate(names):
        if i in halves.values():
            continue
        if i in halves:
            pairs = zip(values[i], values[halves[i]], strict=True)
            shown.append((name, [with_half(*pair) for pair in pairs], False))
        else:
            is_left = not is_numeric_dtype(table.dtypes.iloc[i])
            shown.append((name, [_text(one) for one in values[i]], is_left))
    return shown


def _owner(names: list[str], i: int) -> int | None:
    """Which column's intervals a column holds; None for a column of its own."""
    name = names[i]
    if name == "±" and i > 0:
        return i - 1
    if name.startswith("± (") and name.endswith(")"):
        of = name.removeprefix("± (").removesuffix(")")
        return names.index(of) if of in names else i - 1 if i > 0 else None
    of = name.removesuffix(" ±")
    return names.index(of) if of != name and of in names else None


def with_half(value: Any, half: Any) -> str:
    """`"0.672 ± 0.013"`: as many digits as two of the interval's need; the value where none is."""
    if not (_is_number(value) and _is_number(half) and half > 0):
        return _text(value)
    digits = max(0, 1 - math.floor(math.log10(half)))
    said = f"{value:.3g} ± {half:.2g}" if digits > 6 else f"{value:.{digits}f} ± {half:.{digits}f}"
    return said.replace("-", "−")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _text(value: Any) -> str:
    if value is None or value is NA or value != value:
        return "–"
    if isinstance(value, float):
        to_the_ones = 1000 <= abs(value) < LARGEST
        return (f"{value:.0f}" if to_the_ones else f"{value:.4g}").replace("-", "−")
    return str(value)


def _cell(tag: str, text: str, is_left: bool) -> str:
    return f'<{tag} style="{_LEFT if is_left else _RIGHT}">{escape(text)}</{tag}>'
