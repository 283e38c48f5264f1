"""Head statistics by depth, one function per figure.

>>> found = vl.analysis.heads.statistics(trace)
>>> show(vl.charts.heads(found, "distance"))
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from bokeh.models import ColumnDataSource, HoverTool, Legend, LegendItem

from vitlens_widgets.charts.curves import COLOURS, empty_figure
from vitlens_widgets.errors import UsageError

if TYPE_CHECKING:
    from bokeh.models import GlyphRenderer
    from bokeh.plotting import figure as Figure  # noqa: N812

    from vitlens_widgets.analysis.heads import HeadStatistics

_MARKS = ("circle", "diamond", "triangle", "square")
_APART = 0.12  # of a layer, between the models of one figure


def heads(statistics: HeadStatistics | Mapping[str, HeadStatistics], name: str) -> Figure:
    """One dot per head over the layers, the layers' means as a line, the null as a dotted one.

    Models whose nulls differ (of other patch grids) each have their own, in their colour.

    Source of the figure: Dosovitskiy et al. (2021), figure 7 (right), there for the distance.

    Args:
        statistics: What `vl.analysis.heads.statistics` gave, or several of them by what they shall
            be called, such as `{"trained": ..., "random weights": ...}`; at most four.
        name: One of their `names`.

    Raises:
        UsageError: There is no such statistic, or more than four models.
    """
    shown = statistics if isinstance(statistics, Mapping) else {"": statistics}
    if not 1 <= len(shown) <= len(_MARKS):
        raise UsageError(f"One figure shows one to {len(_MARKS)} models, not {len(shown)}.")
    plot = _figure(name, list(shown.values()))
    items = [
        LegendItem(label=called, renderers=_dots(plot, called, found, name, i, len(shown)))
        for i, (called, found) in enumerate(shown.items())
    ]
    _nulls(plot, name, list(shown.values()))
    if len(items) > 1:
        plot.add_layout(Legend(items=items, border_line_color=None), "right")
    return plot


def _figure(name: str, shown: list[HeadStatistics]) -> Figure:
    first = shown[0]
    no_null = all(found.null(name) is None for found in shown)
    uniform = "" if no_null else " (dotted: uniform attention)"
    title, quantity = f"{name}: {first.meaning(name)}", f"{first.unit(name)}{uniform}"
    plot = empty_figure(title, quantity, x_axis_label="layer")
    plot.xaxis.ticker = list(range(max(found.shape[0] for found in shown)))
    plot.xgrid.visible = False
    return plot


def _nulls(plot: Figure, name: str, shown: list[HeadStatistics]) -> None:
    """One dotted line where all models share it, otherwise each model's in its colour."""
    nulls = [found.null(name) for found in shown]
    depths = [found.shape[0] for found in shown]
    lines = list(zip(nulls, depths, COLOURS, strict=False))
    if len(set(nulls)) == 1:
        lines = [(nulls[0], max(depths), "gray")]
    for null, depth, colour in lines:
        if null is not None:
            plot.line([-0.5, depth - 0.5], [null, null], color=colour, line_dash="dotted")


def _dots(
    plot: Figure, called: str, found: HeadStatistics, name: str, i: int, of: int
) -> list[GlyphRenderer]:
    """A model's dots, moved aside so that those of several models do not hide one another."""
    values = found.values[name]
    layers, indices = (axis.ravel() for axis in np.indices(found.shape))
    which = [called or found.title] * len(layers)
    source = ColumnDataSource(
        {
            "x": layers + (i - (of - 1) / 2) * _APART,
            "layer": layers,
            "head": indices,
            "value": values.ravel(),
            "model": which,
        }
    )
    colour = COLOURS[i]
    words = {"marker": _MARKS[i], "size": 8, "color": colour, "fill_alpha": 0.5}
    dots = plot.scatter("x", "value", source=source, **words)
    means = plot.line(np.arange(found.shape[0]), values.mean(1), color=colour, line_width=2)
    said = [("", "@model"), ("head", "L@layer H@head"), (name, "@value{0.0000}")]
    plot.add_tools(HoverTool(renderers=[dots], tooltips=said))
    return [dots, means]
