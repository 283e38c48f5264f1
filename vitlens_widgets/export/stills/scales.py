"""How numbers become colours: places on a colour map, how much they cover, ticks of a legend."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from vitlens_widgets.export.stills.colors import colored, table
from vitlens_widgets.export.stills.numbers import short

MISSING, KNOCKED_OUT = 238, 156
"""Greys of what has no number, and of minus infinity: the score of a key that may not be seen."""

LEGEND_GREY = 69
"""The middle of a prepared picture, which a legend is blended over."""

VEIL = 0.92
"""Opacity of grey over a patch without a number."""


@dataclass(frozen=True)
class ColorScale:
    """A colour map with the numbers that it stands for.

    Attributes:
        map: Its name; "blue_orange" is symmetric about 0.
        end: The largest magnitude on it.
        bend: How places follow numbers. "rank" is a logarithm from `end` up to 1.
        low: Where "log" begins.
        write: Writes a number of the legend.
        is_clipped: There are numbers beyond `end`.
        shares: Of `end`, where an even scale has its ticks.
    """

    map: str
    end: float
    bend: Literal["linear", "sqrt", "log", "rank"] = "linear"
    low: float = 0.0
    write: Callable[[float], str] = short
    is_clipped: bool = False
    shares: tuple[float, ...] = (0, 0.5, 1)

    @property
    def is_symmetric(self) -> bool:
        """0 is in the middle."""
        return self.map == "blue_orange"

    def place(self, values: np.ndarray) -> np.ndarray:
        """Where on the map, 0..1, of numbers of any shape; NaN where there is none."""
        values, end = np.asarray(values, float), self.end or 1.0
        if self.bend == "log":
            return np.clip(np.log(np.maximum(values, self.low) / self.low) / self._decades, 0, 1)
        if self.bend == "rank":
            return 1 - np.log(values) / np.log(max(2, end))
        share = np.where(np.isfinite(values), np.abs(values) / end, np.nan)
        share = np.sqrt(share) if self.bend == "sqrt" else share
        if self.is_symmetric:
            return np.clip(0.5 + np.sign(values) * share / 2, 0, 1)
        return np.clip(np.where(values < 0, 0, share), 0, 1)

    def pixels(self, values: np.ndarray) -> np.ndarray:
        """Numbers of any shape as colours, uint8 `[..., 3]`."""
        place = self.place(values)
        colors = np.where(np.isnan(place)[..., None], MISSING, colored(place, self.map))
        return np.where(np.isneginf(values)[..., None], KNOCKED_OUT, colors).astype(np.uint8)

    def opacity(self, values: np.ndarray) -> np.ndarray:
        """How much of an image the colours cover, 0..1; a veil where there is no number."""
        place = self.place(values)
        return np.where(np.isnan(place), VEIL, self._covers(place))

    def _covers(self, place: np.ndarray) -> np.ndarray:
        if self.map == "magma":
            return 0.36 + 0.54 * place
        return 0.12 + 0.63 * (np.abs(2 * place - 1) if self.is_symmetric else place)

    @property
    def colors(self) -> np.ndarray:
        """The map, uint8 `[256, 3]`."""
        return table(self.map)

    @property
    def blended(self) -> np.ndarray:
        """The map as it looks over the middle of a prepared picture, uint8 `[256, 3]`."""
        alpha = self._covers(np.linspace(0, 1, 256))[:, None]
        return np.rint(LEGEND_GREY * (1 - alpha) + self.colors * alpha).astype(np.uint8)

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """Of its legend, `(place 0..1, text)`."""
        if self.bend == "log":
            tens = self.low * 10.0 ** np.arange(np.ceil(self._decades / np.log(10) - 1e-9))
            ticks = [(float(p), self.write(v)) for p, v in zip(self.place(tens), tens, strict=True)]
            first = (0.0, f"≤ {ticks[0][1]}")
            return [first, *ticks[1:], (1.0, self.write(self.end))]
        if self.bend == "rank":
            between = [ten for ten in (100, 10) if self.end > 3 * ten]
            values = np.array([self.end, *between, 1])
        else:
            mirrored = [-share for share in self.shares[:0:-1]] if self.is_symmetric else []
            values = np.array([*mirrored, *self.shares]) * (self.end or 1.0)
        ticks = [(float(p), self.write(v)) for p, v in zip(self.place(values), values, strict=True)]
        last = f"{'≥ ' if self.is_clipped else ''}{ticks[-1][1]}"
        return [*ticks[:-1], (ticks[-1][0], last)]

    @property
    def _decades(self) -> float:
        return float(np.log(self.end / self.low))
