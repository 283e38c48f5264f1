"""Heat maps: cells that say their numbers, and numbers on the patches of an image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from bokeh.models import ColumnDataSource, HoverTool
from bokeh.palettes import Cividis256
from bokeh.transform import linear_cmap

from vitlens_widgets.charts.curves import empty_figure
from vitlens_widgets.charts.theme import scale_of

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812


_BLUE, _ORANGE = "#0072b2", "#d55e00"  # Okabe & Ito's


def _between(at: float) -> str:
    """A colour of the scale from -1 to 1: at 0 the ground of the page, which may be dark."""
    return f"{_BLUE if at < 0 else _ORANGE}{round(255 * abs(at)):02x}"


_BLUE_ORANGE = [_between(at) for at in np.linspace(-1, 1, 255)]

_NOTHING = "rgba(128, 128, 128, 0.28)"
"""Of a cell without a number: a grey that no number has, on white as on black."""


def with_cells(plot: Figure, x: str, y: str, value: str, cells: Sequence[dict[str, Any]]) -> Figure:
    """A shaded number from 0 to 1 in each cell.

    Args:
        plot: A figure with places side by side on both axes.
        x: The column of `cells` that says where a cell stands on the horizontal axis.
        y: The same for the vertical one.
        value: The column of its number; other columns are said on hover.
        cells: A row per cell.
    """
    data: dict[str, Any] = {key: [cell[key] for cell in cells] for key in cells[0]}
    data["ink"] = ["black" if number > 0.5 else "white" for number in data[value]]
    data["said"] = [f"{number:.2f}" for number in data[value]]
    source = ColumnDataSource(data)
    colour = linear_cmap(value, Cividis256, 0, 1)
    squares = plot.rect(x, y, 1, 1, source=source, color=colour, line_color=None)
    words: dict[str, Any] = {
        "text_align": "center",
        "text_baseline": "middle",
        "text_font_size": "11px",
    }
    plot.text(x, y, "said", source=source, text_color="ink", **words)
    said = [("", f"@{{{y}}} at @{{{x}}}"), (value, f"@{{{value}}}{{0.0000}}")]
    said += [(other, f"@{{{other}}}") for other in cells[0] if other not in (x, y, value)]
    plot.add_tools(HoverTool(renderers=[squares], tooltips=said))
    plot.grid.visible = False
    return plot


def signed_cells(
    title: str,
    quantity: str,
    values: np.ndarray,
    axes: Sequence[str],
    names: Mapping[str, Sequence[str]],
) -> Figure:
    """A figure of a number in each cell, blue below 0 and orange above, the layers to the right.

    Args:
        title: What it is of.
        quantity: What the numbers are, for the read-out and beside the scale.
        values: `[first axis, second axis]`; NaN is grey.
        axes: The names of both; the first one runs to the right.
        names: What stands along each, by the axis' name.
    """
    across, down = axes
    (rows, cols), most = np.indices(values.shape[::-1]), _round_up(values)
    data: dict[str, Any] = {
        across: [names[across][int(i)] for i in cols.ravel()],
        down: [names[down][int(i)] for i in rows.ravel()],
        "value": values.T.ravel(),
    }
    ranges = {"x_range": list(names[across]), "y_range": list(names[down])[::-1]}
    plot = empty_figure(title, down, x_axis_label=across, **ranges)
    plot.height = 100 + max(180, 22 * values.shape[1])
    colour = linear_cmap("value", _BLUE_ORANGE, -most, most, nan_color=_NOTHING)
    source = ColumnDataSource(data)
    squares = plot.rect(across, down, 1, 1, source=source, color=colour, line_color=None)
    plot.add_layout(scale_of(colour["transform"], quantity), "right")
    at = [(across, f"@{{{across}}}"), (down, f"@{{{down}}}"), (quantity, "@value{0.0000}")]
    plot.add_tools(HoverTool(renderers=[squares], tooltips=at))
    plot.grid.visible = False
    return plot


def _round_up(values: np.ndarray) -> float:
    """The end of a scale on both sides of 0: the largest number, or 1 where there is none."""
    largest = np.nanmax(np.abs(values), initial=0)
    return float(largest) if largest > 0 else 1.0


def map_of_patches(title: str, quantity: str, values: np.ndarray) -> Figure:
    """A figure of a number for each patch.

    Its scale goes from the smallest to the largest; where some are below 0, it is that of
    `signed_cells`, with 0 in its middle.

    Args:
        title: What it is of.
        quantity: What the numbers are, for the read-out and beside the scale.
        values: `[row, col]`; NaN is grey.
    """
    rows, cols = (axis.ravel() for axis in np.indices(values.shape))
    ranges = {"x_range": (-0.5, values.shape[1] - 0.5), "y_range": (values.shape[0] - 0.5, -0.5)}
    plot = empty_figure(title, "row", x_axis_label="column", match_aspect=True, **ranges)
    source = ColumnDataSource({"row": rows, "column": cols, quantity: values.ravel()})
    low, high, most = float(np.nanmin(values)), float(np.nanmax(values)), _round_up(values)
    scale = (_BLUE_ORANGE, -most, most) if low < 0 else (Cividis256, low, high)
    colour = linear_cmap(quantity, *scale, nan_color=_NOTHING)
    squares = plot.rect("column", "row", 1, 1, source=source, color=colour, line_color=None)
    plot.add_layout(scale_of(colour["transform"], quantity), "right")
    said = [("", "row @row, column @column"), (quantity, f"@{{{quantity}}}{{0.000e+0}}")]
    plot.add_tools(HoverTool(renderers=[squares], tooltips=said))
    plot.grid.visible = False
    return plot
