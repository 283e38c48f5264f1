"""Figures beside one another, for what one figure cannot hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

from bokeh.models import InlineStyleSheet, LayoutDOM, Pane, Row
from bokeh.models.dom import HTML

from vitlens_widgets.charts.curves import Look
from vitlens_widgets.charts.theme import TEXT, of_itself
from vitlens_widgets.errors import UsageError

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812

LEAST = {True: 260, False: 420}
"""CSS pixels that a figure beside others needs, where they share a legend, and with its own; where
the page has fewer, it goes below."""

# Three columns at most, and two figures fill the page between them; never wider than the page.
_COLUMNS = "repeat(auto-fit, minmax(min(100%, max({}px, 30%)), 1fr))"
_GRID = ":host {{ display: grid; grid-template-columns: {}; gap: 8px; }}"
_HEAD = f":host {{ grid-column: 1 / -1; color: {TEXT}; font: 13px sans-serif; }}"
_LINE = "display: inline-block; width: 2em; margin: 0 0.4em 0.25em 0"
_BORDERS = {"solid": "solid", "dashed": "dashed", "dotted": "dotted", "dotdash": "dashed"}


def beside(
    figures: Sequence[Figure],
    title: str = "",
    *,
    shared: bool = False,
    key: Mapping[str, Look] | None = None,
) -> LayoutDOM:
    """Figures beside one another where the page has room, below one another where it has not.

    Args:
        figures: Such as `figure(...)` of results gives.
        title: What they have in common, above them all.
        shared: Give them all the axes of the first one, so that they can be compared.
        key: The colour and dashes of curves that are in all figures, by name: one legend for all.

    Raises:
        UsageError: No figures.
    """
    if not figures:
        raise UsageError("There is nothing to stand side by side: give at least one figure.")
    columns = _COLUMNS.format(LEAST[bool(key)])
    for one in figures:
        one.update(max_width=None, min_width=LEAST[True], min_border_right=20)
        if shared:
            one.update(x_range=figures[0].x_range, y_range=figures[0].y_range)
    return Row(
        children=[*_head(title, key or {}), *figures],
        name=title,
        sizing_mode="stretch_width",
        stylesheets=[InlineStyleSheet(css=_GRID.format(columns)), of_itself()],
    )


def _head(title: str, key: Mapping[str, Look]) -> list[Pane]:
    """The title and the legend, where there is either."""
    lines = [f"<b>{escape(title)}</b>"] if title else []
    if key:
        lines.append("<br>" + " &ensp; ".join(_in_key(*entry) for entry in key.items()))
    text = f"<div>{''.join(lines)}</div>"
    sheet = InlineStyleSheet(css=_HEAD)
    return [Pane(elements=[HTML(html=text)], stylesheets=[sheet])] if lines else []


def _in_key(name: str, look: Look) -> str:
    """A piece of the curve, and its name."""
    colour, dashes = look
    line = f"{_LINE}; border-top: 3px {_BORDERS[dashes]} {colour}"
    return f'<span style="white-space: nowrap"><i style="{line}"></i>{escape(name)}</span>'
