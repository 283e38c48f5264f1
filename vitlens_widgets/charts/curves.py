"""What the figures share: colours, curves with their dots, a legend and a read-out on hover."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
from bokeh.models import (
    ColumnDataSource,
    FactorRange,
    FixedTicker,
    HoverTool,
    LegendItem,
    NoOverlap,
    NumeralTickFormatter,
)
from bokeh.plotting import figure

from vitlens_widgets.charts.theme import legend_of, of_itself, of_page
from vitlens_widgets.errors import UsageError

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812

# Okabe & Ito's colours, apart for every kind of colour vision, but for a grey that is seen on black
# as on white; and dashes for those without any.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#808080")
_TITLE, _UPRIGHT = 58, 32
"""Letters in a line of a title, and of an upright axis' name: no longer than what they stand at."""

_DASHES = ("solid", "dashed", "dotdash", "dotted")

Band = tuple[Sequence[float], Sequence[float]]
"""Lower and upper ends of a curve's interval, one of each per point."""

Look = tuple[str, str]
"""A colour and Bokeh's name of dashes."""


class Interval(Protocol):
    """A mean at each point, between the ends of its interval, each `[point]`."""

    @property
    def mean(self) -> np.ndarray:
        """In the middle."""
        ...

    @property
    def low(self) -> np.ndarray:
        """The lower end."""
        ...

    @property
    def high(self) -> np.ndarray:
        """The upper end."""
        ...


def empty_figure(title: str, quantity: str, **words: Any) -> Figure:
    """A figure as wide as the page allows, without tools; long words stand in several lines."""
    lines = fill(title, _TITLE)
    return figure(
        title=lines,
        y_axis_label=fill(quantity, _UPRIGHT),
        height=280 + 16 * lines.count("\n"),
        sizing_mode="stretch_width",
        max_width=720,
        tools="",
        toolbar_location=None,
        stylesheets=[of_page(), of_itself()],
        **words,
    )


def figure_over_states(title: str, names: Sequence[str], quantity: str, **words: Any) -> Figure:
    """An empty figure with the states side by side."""
    plot = empty_figure(title, quantity, x_range=list(names), **words)
    plot.xaxis.major_label_orientation = 0 if len(names) <= 13 else math.pi / 4
    plot.xaxis.major_label_policy = NoOverlap(min_distance=4)  # beside others there is little room
    plot.xgrid.visible = False
    return plot


def figure_over_blocks(title: str, blocks: Sequence[int], quantity: str) -> Figure:
    """An empty figure with the blocks side by side."""
    plot = figure_over_states(title, [str(block) for block in blocks], quantity)
    plot.xaxis.axis_label = "block"
    return plot


def figure_over_shares(title: str, along: str, quantity: str) -> Figure:
    """An empty figure over a share, from 0 to 100 %, of what `along` says."""
    plot = empty_figure(title, quantity, x_range=(-0.02, 1.02))
    plot.xaxis.axis_label = along
    plot.xaxis.formatter = NumeralTickFormatter(format="0 %")
    plot.xaxis.ticker = FixedTicker(ticks=[0, 0.5, 1], minor_ticks=[i / 10 for i in range(11)])
    return plot


def places_of(plot: Figure) -> list[str]:
    """What stands side by side on the horizontal axis: states, or blocks.

    Raises:
        UsageError: Its horizontal axis counts no places.
    """
    if not isinstance(plot.x_range, FactorRange):
        raise UsageError("Along this figure's horizontal axis no places stand side by side.")
    return [str(place) for place in plot.x_range.factors]


def with_curves(
    plot: Figure,
    along: str,
    places: Sequence[Any],
    curves: Mapping[str, Sequence[float]],
    bands: Mapping[str, Band] | None = None,
    looks: Mapping[str, Look] | None = None,
    *,
    legend: bool = True,
) -> Figure:
    """Draw curves, each with its own colour and dashes, and name them in a legend.

    Args:
        plot: The figure.
        along: What the horizontal axis counts, for the read-out.
        places: Where the points stand on it.
        curves: A value for each place, by the name of the curve.
        bands: An interval around some of the curves, by the same names.
        looks: The colour and dashes of some of the curves, where they belong together.
        legend: Without one, they are named elsewhere: in the key of `beside`.
    """
    items: list[LegendItem] = []
    faint = 0.15 if len(curves) <= len(COLOURS) else 0.08
    for i, (name, values) in enumerate(curves.items()):
        data: dict[str, Any] = {
            along: list(places),
            "value": list(values),
            "curve": [name] * len(values),
        }
        source = ColumnDataSource(data)
        own = COLOURS[i % len(COLOURS)], _DASHES[i // len(COLOURS) % len(_DASHES)]
        colour, dash = (looks or {}).get(name, own)
        if bands and name in bands:
            low, high = (list(ends) for ends in bands[name])
            plot.varea(list(places), low, high, color=colour, fill_alpha=faint)
        line = plot.line(along, "value", source=source, color=colour, line_width=2, line_dash=dash)
        dots = plot.scatter(along, "value", source=source, color=colour, size=6)
        items.append(LegendItem(label=name, renderers=cast("Any", [line, dots])))
        plot.add_tools(_hover(dots, along))
    if legend:
        place = "right" if len(items) > 1 else "above"
        plot.add_layout(legend_of(items), place)
    return plot


def with_means(
    plot: Figure,
    along: str,
    places: Sequence[str],
    means: Mapping[str, Interval],
    beside: Mapping[str, Sequence[float]] | None = None,
) -> Figure:
    """Means with their intervals, and curves without any."""
    curves = {name: mean.mean.tolist() for name, mean in means.items()} | dict(beside or {})
    bands = {name: (mean.low.tolist(), mean.high.tolist()) for name, mean in means.items()}
    return with_curves(plot, along, places, curves, bands)


def _hover(dots: Any, along: str) -> HoverTool:
    said = [("", "@curve"), (along, f"@{{{along}}}"), ("value", "@value{0.0000}")]
    return HoverTool(renderers=[dots], tooltips=said)
