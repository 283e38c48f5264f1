"""What one feature fires for, drawn."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

import vitlens_widgets.charts as charts
from vitlens_widgets.analysis.activations.bins import EDGES, FAINT
from vitlens_widgets.analysis.activations.spotlight import spotlight

if TYPE_CHECKING:
    from bokeh.models import LayoutDOM
    from bokeh.plotting import figure as Figure  # noqa: N812


def sheet(
    title: str, pictures: Iterable[np.ndarray], maps: np.ndarray, values: np.ndarray
) -> LayoutDOM:
    """The strongest images, in colour where the feature fires.

    Args:
        title: Of it all.
        pictures: The images, uint8 `[height, width, 3]`.
        maps: Their activations, `[image, row, col]`.
        values: The largest of each, `[image]`, falling.
    """
    shown = [
        spotlight(picture, of.astype(float), float(values[0]))
        for picture, of in zip(pictures, maps, strict=True)
    ]
    return charts.contact_sheet(title, [f"{value:.2f}" for value in values], [("", shown)])


def histogram(title: str, counts: np.ndarray) -> Figure:
    """How many patches have which activation, of those above 0; counts `[bin]`."""
    there = np.flatnonzero(counts[FAINT + 1 :]) + FAINT + 1
    last = there[-1] + 1 if len(there) else FAINT + 2
    shown = slice(there[0] if len(there) else FAINT + 1, last)
    plot = charts.empty_figure(title, "patches", x_axis_type="log")
    plot.xaxis.axis_label = "activation"
    left, right = EDGES[:-1][shown], EDGES[1:][shown]
    plot.quad(left=left, right=right, top=counts[shown], bottom=0, line_color=None)
    return plot
