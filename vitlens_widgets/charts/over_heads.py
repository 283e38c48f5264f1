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
    from bokeh.plotting import figure as Figure  # noqa: N812

    from vitlens_widgets.analysis.heads import HeadStatistics

_MARKS = ("circle", "diamond", "triangle", "square")
_APART = 0.12  # of a layer, between the models of one figure


def heads(statistics: HeadStatistics | Mapping[str, HeadStatistics], name: str) -> Figure:
    """One dot per head over the layers, the layers' means as a line, the null as a dotted one.

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
    first = next(iter(shown.values()))
    plot = _figure(name, first)
    items = [
        LegendItem(
            label=called, renderers=_dots(plot, called, found, name, i - (len(shown) - 1) / 2)
        )
        for i, (called, found) in enumerate(shown.items())
    ]
    null = first.null(name)
    if null is not None:
        ends = [-0.5, first.shape[0] - 0.5]
        plot.line(ends, [null, null], color="gray", line_dash="dotted")
    if len(items) > 1:
        plot.add_layout(Legend(items=items, border_line_color=None), "right")
    return plot


def _figure(name: str, found: HeadStatistics) -> Figure:
    uniform = "" if found.null(name) is None else " (dotted: uniform attention)"
    title, quantity = f"{name}: {found.meaning(name)}", f"{found.unit(name)}{uniform}"
    plot = empty_figure(title, quantity, x_axis_label="layer")
    plot.xaxis.ticker = list(range(found.shape[0]))
    plot.xgrid.visible = False
    return plot


def _dots(plot: Figure, called: str, found: HeadStatistics, name: str, place: float) -> list:
    """A model's dots, moved aside so that those of several models do not hide one another."""
    values = found.values[name]
    layers, indices = (axis.ravel() for axis in np.indices(found.shape))
    which = [called or found.title] * len(layers)
    source = ColumnDataSource(
        {
            "x": layers + place * _APART,
            "layer": layers,
            "head": indices,
            "value": values.ravel(),
            "model": which,
        }
    )
    i = len(plot.renderers) // 2
    colour = COLOURS[i]
    words = {"marker": _MARKS[i], "size": 8, "color": colour, "fill_alpha": 0.5}
    dots = plot.scatter("x", "value", source=source, **words)
    means = plot.line(np.arange(found.shape[0]), values.mean(1), color=colour, line_width=2)
    said = [("", "@model"), ("head", "L@layer H@head"), (name, "@value{0.0000}")]
    plot.add_tools(HoverTool(renderers=[dots], tooltips=said))
    return [dots, means]
