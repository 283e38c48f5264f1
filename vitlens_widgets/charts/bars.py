"""Bars side by side, of several things at each place of an axis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from bokeh.models import ColumnDataSource, HoverTool, LegendItem

from vitlens_widgets.charts.curves import COLOURS, places_of
from vitlens_widgets.charts.theme import legend_of

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812

_ROOM = 0.8
"""The share of the room of a place that its bars fill."""


def with_bars(plot: Figure, along: str, quantity: str, shares: Mapping[str, np.ndarray]) -> Figure:
    """A bar for each name at each place, with a legend where there are several names.

    Args:
        plot: A figure with places side by side, such as `figure_over_states` gives.
        along: What the horizontal axis counts, for the read-out.
        quantity: What the bars are, for the read-out.
        shares: `[place]` by name; below 0, bars hang down.
    """
    places, width = places_of(plot), _ROOM / len(shares)
    items: list[LegendItem] = []
    for i, (name, values) in enumerate(shares.items()):
        x = np.arange(len(places)) + 0.5 + (i - (len(shares) - 1) / 2) * width
        data: dict[str, Any] = {"x": x, quantity: values, along: places, "of": [name] * len(places)}
        source = ColumnDataSource(data)
        bars = plot.vbar("x", 0.9 * width, quantity, source=source, color=COLOURS[i % len(COLOURS)])
        items.append(LegendItem(label=name, renderers=cast("Any", [bars])))
        said = [("", "@of"), (along, f"@{{{along}}}"), (quantity, f"@{{{quantity}}}{{0.000}}")]
        plot.add_tools(HoverTool(renderers=[bars], tooltips=said))
    if all(np.min(values, initial=0) >= 0 for values in shares.values()):
        plot.y_range.update(start=0)
    if len(items) > 1:
        plot.add_layout(legend_of(items), "right")
    return plot
