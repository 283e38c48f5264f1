"""Box plots side by side: medians, quartiles and whiskers at each place of an axis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, cast

from bokeh.models import ColumnDataSource, HoverTool, LegendItem
from bokeh.transform import dodge

from vitlens_widgets.charts.curves import COLOURS, places_of
from vitlens_widgets.charts.theme import legend_of

if TYPE_CHECKING:
    from typing import Any

    from bokeh.plotting import figure as Figure  # noqa: N812

_HATCHES = (" ", "/", ".", "x")
_ROOM = 0.8
"""The share of the room of a state that its boxes fill."""


def with_boxes(plot: Figure, boxes: Mapping[str, Any]) -> Figure:
    """A box for each name at each place, side by side: median, quartiles, and whiskers.

    Args:
        plot: A figure with places side by side, such as `figure_over_states` gives.
        boxes: By name, a dataclass of arrays `[place]`: low, lower, median, upper and high. What
            lies beyond the whiskers, low and high, is not drawn.
    """
    items: list[LegendItem] = []
    width = _ROOM / len(boxes)
    for i, (name, one) in enumerate(boxes.items()):
        states = places_of(plot)
        data = {key: value.tolist() for key, value in asdict(one).items()}
        source = ColumnDataSource({"state": states, "name": [name] * len(states), **data})
        x = dodge("state", (i - (len(boxes) - 1) / 2) * width, range=plot.x_range)
        look: dict[str, Any] = {"color": COLOURS[i % len(COLOURS)], "source": source}
        for start, end in (("low", "lower"), ("upper", "high")):
            plot.segment(x0=x, x1=x, y0=start, y1=end, **look)
        hatch: dict[str, Any] = {"hatch_pattern": _HATCHES[i % len(_HATCHES)], "hatch_alpha": 0.4}
        hatch |= {"hatch_color": look["color"], "hatch_scale": 8}
        body = plot.vbar(
            x, 0.9 * width, "upper", "lower", fill_alpha=0.25, line_width=1, **look, **hatch
        )
        middle = plot.rect(x, "median", 0.9 * width, 3, height_units="screen", **look)
        items.append(LegendItem(label=name, renderers=cast("Any", [body])))
        plot.add_tools(_hover([body, middle], str(plot.xaxis[0].axis_label or "state")))
    plot.add_layout(legend_of(items), "right")
    return plot


def _hover(renderers: list[Any], along: str) -> HoverTool:
    said = [("", "@name"), (along, "@state"), ("median", "@median{0.000}")]
    said += [("quartiles", "@lower{0.000} to @upper{0.000}")]
    said += [("whiskers", "@low{0.000} to @high{0.000}")]
    return HoverTool(renderers=renderers, tooltips=said)
