"""What stands beside curves and boxes: a line where chance is, and stars of significance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from bokeh.models import ColumnDataSource, FactorRange, HoverTool, LabelSet, Span

from vitlens_widgets.charts.curves import COLOURS, places_of

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812

_SIGNIFICANT = 0.05


def with_chance(plot: Figure, chance: float | None, said: str = "chance") -> None:
    """A dashed line where logits in random order would be."""
    if chance is not None:
        line: dict[str, Any] = {"line_dash": "dashed", "line_color": "#767676", "line_width": 1}
        plot.add_layout(Span(location=chance, dimension="width", **line))
        words: dict[str, Any] = {
            "text_font_size": "11px",
            "text_color": "#767676",
            "text_align": "right",
        }
        # At the right end: a curve often begins at chance.
        end: Any = plot.x_range
        x = end.factors[-1] if isinstance(end, FactorRange) else end.end
        # Of the page's labels only sets take a factor: with a single one nothing is drawn at all.
        source = ColumnDataSource({"x": [x], "y": [chance], "text": [said]})
        plot.add_layout(LabelSet(x="x", y="y", text="text", source=source, **words))


def with_stars(
    plot: Figure,
    states: Sequence[str],
    p: np.ndarray,
    what: str,
    y: float = 1.05,
    colour: str = "#595959",
) -> None:
    """A star above each state at which something is significant."""
    starred = np.flatnonzero(p < _SIGNIFICANT)
    data = {"state": [states[k] for k in starred.tolist()], "p": p[starred].tolist()}
    source = ColumnDataSource({**data, "y": [y] * len(starred)})
    stars = plot.scatter("state", "y", source=source, marker="asterisk", size=8, color=colour)
    said = [("", f"{what} at @state"), ("p", "@p{0.000e+0}")]
    plot.add_tools(HoverTool(renderers=[stars], tooltips=said))


def with_stars_of_kinds(plot: Figure, p: Mapping[str, np.ndarray], top: float, what: str) -> Figure:
    """A row of stars for each kind, above what is drawn, which ends at `top`."""
    for i, (kind, of_kind) in enumerate(p.items()):
        y = top * (1.06 + 0.06 * i)
        with_stars(plot, places_of(plot), of_kind, f"{kind}, {what}", y, COLOURS[i])
    return plot
