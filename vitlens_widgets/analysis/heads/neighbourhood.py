"""Where patches look relative to themselves: the weight at each offset of a window."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

import vitlens_widgets.charts as charts
from vitlens_widgets.analysis.checks import chosen_images, title
from vitlens_widgets.analysis.experiment import experiment
from vitlens_widgets.analysis.heads.places import Places
from vitlens_widgets.analysis.result import Result
from vitlens_widgets.data.frames import frame
from vitlens_widgets.errors import UsageError, check_count
from vitlens_widgets.progress import progress
from vitlens_widgets.trace import Trace
from vitlens_widgets.trace.sites import check_index

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812
    from pandas import DataFrame


@dataclass(frozen=True, repr=False)
class Neighbourhood(Result):
    """The share of the weight between patches that falls on each offset from query to key.

    Attributes:
        title: Of which model and images.
        radius: The window reaches so many patches to each side.
        values: float64 `[layer, head, down, right]`; index `radius` is offset 0. All offsets of the
            grid together sum to 1.
        null: `[down, right]`: the same for uniform attention, which is the share of all pairs of
            patches that stand so.
    """

    title: str
    radius: int
    values: np.ndarray
    null: np.ndarray

    @property
    def ratio(self) -> np.ndarray:
        """`values / null`, `[layer, head, down, right]`; 0 at offsets larger than the grid."""
        return self.values / np.where(self.null > 0, self.null, np.inf)

    def table(self) -> DataFrame:
        """A row per head: the offset that stands out most (largest ratio), share, null, ratio."""
        n_layers, n_heads, side, _ = self.values.shape
        best = self.ratio.reshape(n_layers * n_heads, -1).argmax(1)
        layers, heads = (axis.ravel() for axis in np.indices((n_layers, n_heads)))
        down, right = np.divmod(best, side)
        share = self.values[layers, heads, down, right]
        null = self.null[down, right]
        columns = {
            "layer": layers,
            "head": heads,
            "rows_down": down - self.radius,
            "columns_right": right - self.radius,
            "share": share,
            "uniform": null,
            "ratio": share / null,
        }
        return frame({name: column.tolist() for name, column in columns.items()}, self.title)

    def summary(self) -> str:
        """The head that reads one offset most, beside what uniform attention gives it."""
        rows = self.table()
        row = rows.iloc[int(rows["ratio"].argmax())]
        where = f"{row['rows_down']:.0f} rows down, {row['columns_right']:.0f} columns right"
        head = f"L{row['layer']:.0f} H{row['head']:.0f}"
        times = f"{row['share']:.3f}, {row['ratio']:.1f} times what uniform attention gives it"
        return f"{self.title}\n{head} reads {where}: {times}"

    def figure(self, layer: int | None = None, head: int | None = None) -> Figure:
        """The share at each offset of the window, of one head.

        Args:
            layer: The block.
            head: The head; without both, the one that stands out most.

        Raises:
            UsageError: There is no such head, or only one of the two is given.
        """
        if (layer is None) != (head is None):
            raise UsageError("One head is drawn: give layer= and head=, or neither.")
        if layer is None or head is None:
            rows = self.table()
            row = rows.iloc[int(rows["ratio"].argmax())]
            layer, head = int(row["layer"]), int(row["head"])
        check_index("layer", layer, self.values.shape[0])
        check_index("head", head, self.values.shape[1])
        offsets = [str(offset) for offset in range(-self.radius, self.radius + 1)]
        name = f"{self.title}, L{layer} H{head}"
        plot = charts.figure_over_states(name, offsets, "rows down", y_range=offsets[::-1])
        plot.xaxis.axis_label = "columns right"
        cells = [
            {"columns right": right, "rows down": down, "share": float(share)}
            for down, of_row in zip(offsets, self.values[layer, head], strict=True)
            for right, share in zip(offsets, of_row, strict=True)
        ]
        return charts.with_cells(plot, "columns right", "rows down", "share", cells)

    def __repr__(self) -> str:
        return repr(self.table())


@experiment("trace", part="heads", needs_classifier=False)
def neighbourhood(trace: Trace, radius: int = 1, image: int | None = None) -> Neighbourhood:
    """Of the weight that patches give patches, the share at each offset of a window.

    The share at offset (r, c) is `sum p_ij` over patches j that stand r rows below and c columns to
    the right of i, over `sum p_ij` of all pairs of patches. Source: heads that read the patch at a
    fixed offset are what Cordonnier et al. (2020), "On the Relationship between Self-Attention and
    Convolutional Layers", build a convolution of.

    Args:
        trace: The trace.
        radius: The window reaches so many patches to each side.
        image: Which image; None for all of them together.

    Raises:
        UsageError: A radius that is no whole number from 0 to twice the grid's longer side, or no
            such image.
    """
    images, places = chosen_images(trace, image), Places.of(trace)
    layout = trace.layout
    radius = check_count("radius", radius, least=0, most=2 * max(layout.rows, layout.cols))
    bins, side = _bins(places, radius), 2 * radius + 1
    uniform = _by_offset([torch.ones(1, places.n, places.n)], bins, side)[0]
    layers = [
        _by_offset(trace.attention_by_image(layer, "pattern", images), bins, side)
        for layer in progress(range(trace.vit.n_layers), "neighbourhood")
    ]
    return Neighbourhood(
        title=f"Attention between patches by offset: {title(trace, images)}",
        radius=radius,
        values=torch.stack(layers).cpu().numpy(),
        null=uniform.numpy(),
    )


def _bins(places: Places, radius: int) -> Tensor:
    """Which bin each pair of positions falls in, int64 `[query * key]`.

    One per offset, then one for other pairs of patches, then one for pairs with a prefix token.
    """
    side = 2 * radius + 1
    down, right = places.offsets
    near = (down.abs() <= radius) & (right.abs() <= radius)
    bins = torch.full((places.n, places.n), side**2 + 1)
    between = torch.where(near, (down + radius) * side + right + radius, side**2)
    bins[places.patches[:, None], places.patches] = between
    return bins.flatten()


def _by_offset(patterns: Iterable[Tensor], bins: Tensor, side: int) -> Tensor:
    """The share of the weight between patches at each offset, `[head, down, right]`, float64."""
    total = reduce(torch.add, (_binned(pattern, bins, side**2 + 2) for pattern in patterns))
    between = total[:, :-1].sum(1)[:, None, None]
    return torch.unflatten(total[:, : side**2], 1, (side, side)) / between


def _binned(pattern: Tensor, bins: Tensor, count: int) -> Tensor:
    """The weight in each bin, float64 `[head, bin]`."""
    bins = bins.to(pattern.device)
    heads = pattern.detach().flatten(1)
    return torch.stack([torch.bincount(bins, head.double(), count) for head in heads])
