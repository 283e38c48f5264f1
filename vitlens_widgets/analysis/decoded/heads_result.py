"""`DecodedHeads`: likeness of heads' pictures against what becomes of the answer without them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

import vitlens_widgets.charts as charts
from vitlens_widgets.analysis.decoded.kinds import RANDOM
from vitlens_widgets.analysis.over_images import OverImages
from vitlens_widgets.analysis.result import Result, check_name, mean_and_half
from vitlens_widgets.data.frames import frame
from vitlens_widgets.errors import UsageError, counted

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812
    from pandas import DataFrame

FIGURES = ("correlation", "heads")
"""What may be drawn."""

_ROUNDING = 1e-9  # means of ranks are often the same, but for the order in which they were added


@dataclass(frozen=True, repr=False, eq=False)
class DecodedHeads(Result):
    """What `decoded_heads` found.

    Attributes:
        title: The model, the images, and unusual settings.
        names: What was held against the effect: `"picture"`, `"embedding"`, and both
            `" of another image"` and `" of a random direction"`; without a lens no picture.
        effect: 1 - cosine of the final embedding with the head switched off, float64
            `[layer, head]`, over images.
        alike: The likeness to the input, `[measure, layer, head]`, over images.
        correlation: The mean over images of the rank correlation of likeness and effect, over the
            heads of an image, `[measure]`.
        ahead: The first one's correlation less each, image by image, `[measure]`.
        luck: The mean correlation over images with their heads in a random order, the same in all
            images, float64 `[measure, order]`.
    """

    title: str
    names: tuple[str, ...]
    effect: OverImages = field(repr=False)
    alike: OverImages = field(repr=False)
    correlation: OverImages = field(repr=False)
    ahead: OverImages = field(repr=False)
    luck: np.ndarray = field(repr=False)

    @property
    def p(self) -> np.ndarray:
        """How often luck gives a correlation as large or larger, float64 `[measure]`.

        One-sided, with the observed order counted among those of luck, as in Phipson & Smyth
        (2010), "Permutation p-values should never be zero"; NaN without any image.
        """
        larger = (self.luck >= self.correlation.mean[:, None] - _ROUNDING).sum(-1)
        p = (1 + larger) / (1 + self.luck.shape[-1])
        return np.where(self.correlation.n > 0, p, np.nan)

    @property
    def _luck(self) -> tuple[list[float], list[float]]:
        """From where to where luck reaches in 95 of 100 orders, `[measure]` each."""
        low, high = (np.quantile(self.luck, q, axis=-1) for q in (0.025, 0.975))
        return low.tolist(), high.tolist()

    def of(self, name: str) -> OverImages:
        """One measure's likeness, `[layer, head]`.

        Raises:
            UsageError: It was not measured.
        """
        return self.alike.at(self.names.index(check_name(name, self.names)))

    def table(self) -> DataFrame:
        """A row per measure: the rank correlation, luck's, and the first one's lead."""
        low, high = self._luck
        columns: dict[str, list[Any]] = {
            "likeness of the": list(self.names),
            "rank correlation": self.correlation.mean.tolist(),
            "±": self.correlation.half.tolist(),
            "luck, from": low,
            "luck, to": high,
            "p": self.p.tolist(),
            f"{self.names[0]} ahead by": self.ahead.mean.tolist(),
            "± (ahead)": self.ahead.half.tolist(),
            "images": self.correlation.n.tolist(),
        }
        return frame(columns, self.title)

    def heads(self) -> DataFrame:
        """A row per head: the effect of switching it off, and every likeness, over images."""
        layer, head = (axis.ravel().tolist() for axis in np.indices(self.effect.mean.shape))
        columns: dict[str, list[Any]] = {"layer": layer, "head": head}
        for name in ("effect", *self.names):
            found = self.effect if name == "effect" else self.of(name)
            columns |= {
                name: found.mean.ravel().tolist(),
                f"± ({name})": found.half.ravel().tolist(),
            }
        return frame(columns, self.title)

    def figure(self, name: str = "correlation") -> Figure:
        """The rank correlations with their intervals, or all heads.

        Args:
            name: `"correlation"`; or `"heads"`: likeness over effect, means over images.

        Raises:
            UsageError: Something else.
        """
        if name not in FIGURES:
            raise UsageError(f'A figure is "{FIGURES[0]}" or "{FIGURES[1]}", not {name!r}.')
        if name == "heads":
            title = self.titled("likeness of a head to the input, and its effect")
            values = {one: self.of(one).mean for one in self.names if RANDOM not in one}
            axes = "effect of switching it off, 1 - cosine", "likeness"
            return charts.heads_over(title, axes, self.effect.mean, values)
        title = self.titled("rank correlation of a head's likeness and its effect")
        quantity = "rank correlation with the effect of the head"
        return charts.intervals(title, quantity, self.names, self.correlation, self._luck)

    def summary(self) -> str:
        """The correlations, luck's, and how far the first one is ahead of the others."""
        n = counted(int(self.correlation.n.max()), "image")
        lines = [self.title, f"rank correlation with the effect, over heads, mean of {n}:"]
        lines += [
            f"  likeness of the {name}: {mean_and_half(self.correlation, i)}, p {self.p[i]:.3f}"
            for i, name in enumerate(self.names)
        ]
        lines += [
            f"  {self.names[0]} ahead of {name} by {mean_and_half(self.ahead, i)}"
            for i, name in enumerate(self.names)
            if i
        ]
        return "\n".join(lines)
