"""`OverlayStudy`: which head holds what was laid on the image, and what is lost with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

import vitlens_widgets.charts as charts
from vitlens_widgets.analysis.over_images import OverImages
from vitlens_widgets.analysis.result import Result, check_name, mean_and_half
from vitlens_widgets.data.frames import frame

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812
    from pandas import DataFrame

HOLDS, LOSES = "holds", "loses"


@dataclass(frozen=True, repr=False, eq=False)
class OverlayStudy(Result):
    """What `overlay_study` found.

    Attributes:
        title: The model, the images, and unusual settings.
        names: Of the measures: `"picture holds"`, `"picture loses"` (with a lens),
            `"embedding holds"`, `"embedding loses"`, `"judge holds"`, `"judge loses"` (with one).
        seen: How much more of the overlay is in the embedding of both together than in that of the
            image alone, over images.
        to_choose: The first measure on the images to choose on, `[layer, head]`.
        judged: Every measure on those to judge by, `[measure, layer, head]`.
        by_lot: The mean of all other heads there, `[measure, layer, head]`.
        ahead: The head's own less that, image by image, `[measure, layer, head]`.
    """

    title: str
    names: tuple[str, ...]
    seen: OverImages = field(repr=False)
    to_choose: OverImages = field(repr=False)
    judged: OverImages = field(repr=False)
    by_lot: OverImages = field(repr=False)
    ahead: OverImages = field(repr=False)

    @property
    def chosen(self) -> tuple[int, int] | None:
        """The (layer, head) that holds most on the images to choose on; None without any."""
        if not self.to_choose.n.any():
            return None
        layer, head = np.unravel_index(np.nanargmax(self.to_choose.mean), self.to_choose.n.shape)
        return int(layer), int(head)

    @property
    def n_images(self) -> tuple[int, int]:
        """How many images a head was chosen on, and how many it was judged on."""
        return int(self.to_choose.n.max()), int(self.judged.n.max())

    def of(self, name: str) -> OverImages:
        """One measure of all heads on the images to judge by, `[layer, head]`.

        Raises:
            UsageError: It was not measured.
        """
        return self.judged.at(self.names.index(check_name(name, self.names)))

    def table(self) -> DataFrame:
        """A row per measure, on the images to judge by: the chosen head, one by lot, the lead."""
        at = self.chosen
        columns: dict[str, list[Any]] = {"measure": list(self.names)}
        named = {"chosen head": self.judged, "by lot": self.by_lot, "ahead": self.ahead}
        for name, found in named.items():
            place = (slice(None), *((0, 0) if at is None else at))
            mean, half = found.mean[place], found.half[place]
            columns |= {name: mean.tolist(), f"± ({name})": half.tolist()}
        columns["images"] = [self.n_images[1]] * len(self.names)
        return frame(columns, self.title)

    def heads(self) -> DataFrame:
        """A row per head: every measure on the images to judge by."""
        layer, head = (axis.ravel().tolist() for axis in np.indices(self.to_choose.n.shape))
        columns: dict[str, list[Any]] = {"layer": layer, "head": head}
        columns["chosen"] = [at == self.chosen for at in zip(layer, head, strict=True)]
        for name in self.names:
            found = self.of(name)
            mean, half = (one.ravel().tolist() for one in (found.mean, found.half))
            columns |= {name: mean, f"± ({name})": half}
        return frame(columns, self.title)

    def figure(self, name: str | None = None) -> Figure:
        """Each head as a cell, on the images to judge by.

        Args:
            name: A measure; None for the first.

        Raises:
            UsageError: It was not measured.
        """
        name = self.names[0] if name is None else name
        found = self.of(name)
        n_layers, n_heads = found.mean.shape
        names = {"layer": list(map(str, range(n_layers))), "head": list(map(str, range(n_heads)))}
        title = self.titled(f"what is laid on, {name}")
        return charts.signed_cells(title, name, found.mean, ["layer", "head"], names)

    def summary(self) -> str:
        """How far the overlay is seen, the chosen head, and a head drawn by lot."""
        first, second = self.n_images
        lines = [
            self.title,
            f"the overlay is seen: {mean_and_half(self.seen)} nearer to it than without",
            f"images: {first} to choose on, {second} to judge by",
        ]
        if self.chosen is None or not second:
            return "\n".join([*lines, "too few to choose a head and to judge it"])
        layer, head = self.chosen
        lines.append(f"L{layer} H{head} was chosen by what its {self.names[0]}")
        for i, name in enumerate(self.names):
            at = (i, layer, head)
            lines.append(
                f"  {name}: {mean_and_half(self.judged, at)}; a head by lot "
                f"{mean_and_half(self.by_lot, at)}; ahead by {mean_and_half(self.ahead, at)}"
            )
        return "\n".join(lines)
