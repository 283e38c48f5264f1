"""Means with their intervals, a line each, and what luck gives beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bokeh.models import ColumnDataSource, HoverTool, LegendItem, Span

from vitlens_widgets.charts.curves import COLOURS, Band, Interval, empty_figure
from vitlens_widgets.charts.theme import ON_BOTH, legend_of

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812


def intervals(
    title: str,
    quantity: str,
    names: Sequence[str],
    found: Interval,
    luck: Band | None = None,
    null: float | None = 0.0,
) -> Figure:
    """A figure of a mean and its interval in each line, the first one on top.

    Args:
        title: What it is of.
        quantity: What the means are, along the horizontal axis.
        names: What each line is of.
        found: Means and ends, `[line]`; NaN is left empty.
        luck: From where to where luck reaches, `[line]` each, as a grey bar behind.
        null: Where a dashed line stands; None for none.
    """
    plot = empty_figure(title, "", x_axis_label=quantity, y_range=list(names)[::-1])
    plot.height = 100 + 18 * title.count("\n") + 32 * len(names)
    data: dict[str, Any] = {
        "of": list(names),
        "mean": found.mean.tolist(),
        "low": found.low.tolist(),
        "high": found.high.tolist(),
    }
    said = [("", "@of"), (quantity, "@mean{0.000}"), ("95 %", "@low{0.000} to @high{0.000}")]
    if luck is not None:
        data |= {"luck_low": list(luck[0]), "luck_high": list(luck[1])}
        said.append(("luck, 95 %", "@luck_low{0.000} to @luck_high{0.000}"))
    source = ColumnDataSource(data)
    if luck is not None:
        grey: dict[str, Any] = {"color": ON_BOTH, "alpha": 0.3, "line_color": None}
        bars: Any = plot.hbar("of", 0.6, "luck_high", "luck_low", source=source, **grey)
        plot.add_layout(legend_of([LegendItem(label="luck, 95 %", renderers=[bars])]), "below")
        plot.height += 30
    if null is not None:
        look: dict[str, Any] = {"line_dash": "dashed", "line_color": ON_BOTH, "line_width": 1}
        plot.add_layout(Span(location=null, dimension="height", **look))
    plot.segment("low", "of", "high", "of", source=source, color=COLOURS[0], line_width=2)
    dots = plot.scatter("mean", "of", source=source, color=COLOURS[0], size=9)
    plot.add_tools(HoverTool(renderers=[dots], tooltips=said))
    plot.ygrid.visible = False
    return plot
