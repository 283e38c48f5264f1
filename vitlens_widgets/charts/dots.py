"""Dots: over layers, one for each head, with the layers' means as a line; and over places."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from bokeh.models import ColumnDataSource, HoverTool, LegendItem

from vitlens_widgets.charts.curves import COLOURS, empty_figure, places_of
from vitlens_widgets.charts.theme import legend_of
from vitlens_widgets.errors import UsageError

if TYPE_CHECKING:
    from bokeh.models import GlyphRenderer
    from bokeh.plotting import figure as Figure  # noqa: N812

_MARKS = ("circle", "diamond", "triangle", "square")
_APART = 0.12  # of a layer, between the models of one figure


def figure_over_layers(title: str, quantity: str, n_layers: int) -> Figure:
    """An empty figure with a tick for each layer."""
    plot = empty_figure(title, quantity, x_axis_label="layer")
    plot.xaxis.ticker = list(range(n_layers))
    plot.xgrid.visible = False
    return plot


def with_dots(
    plot: Figure,
    quantity: str,
    values: Mapping[str, np.ndarray],
    nulls: Mapping[str, float | None],
) -> Figure:
    """One dot per head over the layers, the layers' means as a line, the null as a dotted one.

    Models whose nulls differ each have their own, in their colour.

    Args:
        plot: What `figure_over_layers` gives.
        quantity: What the values are, for the read-out.
        values: `[layer, head]` by model; at most four.
        nulls: By the same names, where a line of comparison is; None where there is none.

    Raises:
        UsageError: No model, or more than four.
    """
    _check_marks(values, "models")
    items: list[LegendItem] = []
    for i, (model, of_heads) in enumerate(values.items()):
        aside = (i - (len(values) - 1) / 2) * _APART  # so that models do not hide one another
        drawn = _dots(plot, quantity, model, of_heads, i, aside)
        items.append(LegendItem(label=model, renderers=drawn))
    _with_nulls(plot, [(nulls[model], len(of_heads)) for model, of_heads in values.items()])
    if len(items) > 1:
        plot.add_layout(legend_of(items), "right")
    return plot


def with_points(
    plot: Figure, along: str, quantity: str, values: Mapping[str, np.ndarray]
) -> Figure:
    """Dots above places that do not follow one another, such as pairs, and a legend.

    Args:
        plot: A figure with places side by side, such as `figure_over_states` gives.
        along: What the horizontal axis counts, for the read-out.
        quantity: What the values are, for the read-out.
        values: `[place]` by name; at most four.

    Raises:
        UsageError: No values, or of more than four names.
    """
    _check_marks(values, "things")
    places, items = places_of(plot), list[LegendItem]()
    for i, (name, of_places) in enumerate(values.items()):
        data: dict[str, Any] = {along: places, "value": of_places, "of": [name] * len(places)}
        dots = plot.scatter(along, "value", source=ColumnDataSource(data), **_look(i))
        items.append(LegendItem(label=name, renderers=cast("Any", [dots])))
        said = [("", "@of"), (along, f"@{{{along}}}"), (quantity, "@value{0.0000}")]
        plot.add_tools(HoverTool(renderers=[dots], tooltips=said))
    plot.add_layout(legend_of(items), "right")
    return plot


def heads_over(
    title: str, axes: tuple[str, str], across: np.ndarray, up: Mapping[str, np.ndarray]
) -> Figure:
    """A figure of heads as dots: one number across, one or several up.

    Args:
        title: What it is of.
        axes: What runs across, and what up.
        across: `[layer, head]`.
        up: `[layer, head]` by name; at most four.

    Raises:
        UsageError: No numbers, or of more than four names.
    """
    _check_marks(up, "things")
    plot = empty_figure(title, axes[1], x_axis_label=axes[0])
    layers, heads = (axis.ravel() for axis in np.indices(across.shape))
    items: list[LegendItem] = []
    for i, (name, values) in enumerate(up.items()):
        data: dict[str, Any] = {"layer": layers, "head": heads, "of": [name] * layers.size}
        source = ColumnDataSource({**data, "across": across.ravel(), "up": values.ravel()})
        dots = plot.scatter("across", "up", source=source, **_look(i))
        items.append(LegendItem(label=name, renderers=cast("Any", [dots])))
        said = [("", "@of"), ("head", "L@layer H@head")]
        said += [(axes[0], "@across{0.0000}"), (axes[1], "@up{0.0000}")]
        plot.add_tools(HoverTool(renderers=[dots], tooltips=said))
    plot.add_layout(legend_of(items), "right")
    return plot


def _check_marks(values: Mapping[str, np.ndarray], what: str) -> None:
    """That each name can have its own mark."""
    if not 1 <= len(values) <= len(_MARKS):
        raise UsageError(f"One figure shows one to {len(_MARKS)} {what}, not {len(values)}.")


def _look(i: int) -> dict[str, Any]:
    """The mark and colour of one of several."""
    return {"marker": _MARKS[i], "size": 8, "color": COLOURS[i], "fill_alpha": 0.5}


def _dots(
    plot: Figure, quantity: str, model: str, values: np.ndarray, i: int, aside: float
) -> list[GlyphRenderer[Any]]:
    layers, heads = (axis.ravel() for axis in np.indices(values.shape))
    data = {"x": layers + aside, "layer": layers, "head": heads, "value": values.ravel()}
    source = ColumnDataSource({**data, "model": [model] * len(layers)})
    dots = plot.scatter("x", "value", source=source, **_look(i))
    means = plot.line(list(range(len(values))), values.mean(1), color=COLOURS[i], line_width=2)
    said = [("", "@model"), ("head", "L@layer H@head"), (quantity, "@value{0.0000}")]
    plot.add_tools(HoverTool(renderers=[dots], tooltips=said))
    return [dots, means]


def _with_nulls(plot: Figure, nulls: list[tuple[float | None, int]]) -> None:
    """One dotted line where all models share it, otherwise each model's in its colour."""
    lines = [(*null, colour) for null, colour in zip(nulls, COLOURS, strict=False)]
    if len({null for null, _ in nulls}) == 1:
        lines = [(nulls[0][0], max(depth for _, depth in nulls), "gray")]
    for null, depth, colour in lines:
        if null is not None:
            plot.line([-0.5, depth - 0.5], [null, null], color=colour, line_dash="dotted")
