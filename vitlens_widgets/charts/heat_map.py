"""Heat maps whose cells say their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bokeh.models import ColumnDataSource, HoverTool
from bokeh.palettes import Cividis256
from bokeh.transform import linear_cmap

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812


def with_cells(plot: Figure, x: str, y: str, value: str, cells: Sequence[dict[str, Any]]) -> Figure:
    """A shaded number from 0 to 1 in each cell.

    Args:
        plot: A figure with places side by side on both axes.
        x: The column of `cells` that says where a cell stands on the horizontal axis.
        y: The same for the vertical one.
        value: The column of its number; other columns are said on hover.
        cells: A row per cell.
    """
    data = {key: [cell[key] for cell in cells] for key in cells[0]}
    data["ink"] = ["black" if number > 0.5 else "white" for number in data[value]]
    data["said"] = [f"{number:.2f}" for number in data[value]]
    source = ColumnDataSource(data)
    colour = linear_cmap(value, Cividis256, 0, 1)
    squares = plot.rect(x, y, 1, 1, source=source, color=colour, line_color=None)
    words = {"text_align": "center", "text_baseline": "middle", "text_font_size": "11px"}
    plot.text(x, y, "said", source=source, text_color="ink", **words)
    said = [("", f"@{{{y}}} at @{{{x}}}"), (value, f"@{{{value}}}{{0.0000}}")]
    said += [(other, f"@{{{other}}}") for other in cells[0] if other not in (x, y, value)]
    plot.add_tools(HoverTool(renderers=[squares], tooltips=said))
    plot.grid.visible = False
    return plot
