"""What stands beside curves and boxes: a line where chance is, and stars of significance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np
from bokeh.models import ColumnDataSource, FixedTicker, HoverTool, LinearAxis, Span

from vitlens_widgets.charts.curves import COLOURS, places_of
from vitlens_widgets.charts.theme import ON_BOTH

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812

_SIGNIFICANT = 0.05
_WIDE = 9  # letters of a line's name, before it is broken


def with_chance(plot: Figure, chance: float | None, said: str = "chance") -> None:
    """A dashed line where logits in random order would be, named beside the figure's frame.

    Inside it, words at the line's height would lie on curves, which often begin or end at chance.
    """
    if chance is not None:
        line: dict[str, Any] = {"line_dash": "dashed", "line_color": ON_BOTH, "line_width": 1}
        plot.add_layout(Span(location=chance, dimension="width", **line))
        look: dict[str, Any] = {  # any ticker will do, which types do not know
            "ticker": FixedTicker(ticks=[chance]),
            "major_label_overrides": {chance: fill(said, _WIDE)},
            "axis_line_alpha": 0,
            "major_tick_line_alpha": 0,
        }
        name = LinearAxis(**look)
        plot.right = [name, *plot.right]  # next to the frame, before a legend


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
