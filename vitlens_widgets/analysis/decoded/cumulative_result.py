"""`CumulativeAblation`: how soon the embedding is lost, by the order in which heads go."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

import vitlens_widgets.charts as charts
from vitlens_widgets.analysis.over_images import OverImages, half_width
from vitlens_widgets.analysis.result import Result, check_name, mean_and_half
from vitlens_widgets.data.frames import frame
from vitlens_widgets.errors import check_number

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812
    from pandas import DataFrame

BY_EFFECT, BY_ATTRIBUTION, BY_LUCK = "effect", "attribution", "random"
_ALONG = "heads switched off"


@dataclass(frozen=True, repr=False, eq=False)
class CumulativeAblation(Result):
    """What `cumulative_ablation` found.

    Attributes:
        title: The model, the images, and unusual settings.
        names: Of the orders: `"picture"` (with a lens), `"embedding"`, `"effect"`,
            `"attribution"`, `"random"`.
        counts: How many heads are off at each point, int64 `[point]`.
        curves: The cosine of the final embedding and the intact one, `[order, point]`.
        areas: Under each curve over the share of heads that are off, by trapezoids, `[order]`.
        between: The area of one order less that of another, image by image, `[order, order]`.
    """

    title: str
    names: tuple[str, ...]
    counts: np.ndarray = field(repr=False)
    curves: OverImages = field(repr=False)
    areas: OverImages = field(repr=False)
    between: OverImages = field(repr=False)

    def less(self, name: str, than: str = BY_LUCK) -> OverImages:
        """By how much one order's area is smaller than another's; above 0 it is the better one.

        Raises:
            UsageError: There is no such order.
        """
        first, second = (self.names.index(check_name(one, self.names)) for one in (than, name))
        both = self.between
        parts = (both.mean, both.deviation, both.half, both.n)
        return OverImages(*(one[first, second] for one in parts))

    def beyond(self, name: str, share: float, of: str = BY_EFFECT) -> OverImages:
        """By how much an order gains more over random ones than a share of another's gain.

        Image by image, as `less`: gains of the same images go together, and two intervals beside
        each other would not know it.

        Args:
            name: The order.
            share: Of the other one's gain.
            of: The other order.

        Raises:
            UsageError: There is no such order, or no such share.
        """
        check_number("share", share)
        first, second, apart = self.less(name), self.less(name, of), self.less(of)
        # (1 - share) of the first and share of the second, whose difference is the third
        parts = (1 - share) * first.deviation**2 + share * second.deviation**2
        squares = np.maximum(parts - share * (1 - share) * apart.deviation**2, 0)
        deviation = np.sqrt(squares)
        mean = (1 - share) * first.mean + share * second.mean
        return OverImages(mean, deviation, half_width(deviation, first.n), first.n)

    def table(self) -> DataFrame:
        """A row per order: its area, and by how much it is smaller than that of random orders."""
        less = [self.less(name) for name in self.names]
        columns: dict[str, list[Any]] = {
            "order by": list(self.names),
            "area": self.areas.mean.tolist(),
            "±": self.areas.half.tolist(),
            "less than random": [float(one.mean) for one in less],
            "± (less)": [float(one.half) for one in less],
        }
        return frame(columns, self.title)

    def points(self) -> DataFrame:
        """A row per point: how many heads are off, and every curve with half its interval."""
        columns: dict[str, list[Any]] = {"heads off": self.counts.tolist()}
        for i, name in enumerate(self.names):
            mean, half = self.curves.mean[i].tolist(), self.curves.half[i].tolist()
            columns |= {name: mean, f"± ({name})": half}
        return frame(columns, self.title)

    def figure(self) -> Figure:
        """The curves over the share of heads that are off, with their 95 % intervals."""
        title = self.titled("the embedding as heads are switched off, by their order")
        plot = charts.figure_over_shares(title, _ALONG, "likeness to the intact embedding")
        shares = (self.counts / self.counts[-1]).tolist()
        curves = dict(zip(self.names, self.curves.mean.tolist(), strict=True))
        ends = zip(self.curves.low.tolist(), self.curves.high.tolist(), strict=True)
        bands = dict(zip(self.names, ends, strict=True))
        return charts.with_curves(plot, _ALONG, shares, curves, bands)

    def summary(self) -> str:
        """The area of each order, and by how much it is smaller than that of random ones."""
        lines = [self.title, "area under the likeness of the final embedding to the intact one:"]
        for i, name in enumerate(self.names):
            less = "" if name == BY_LUCK else f", {mean_and_half(self.less(name))} below random"
            lines.append(f"  heads by {name}: {mean_and_half(self.areas, i)}{less}")
        return "\n".join(lines)
