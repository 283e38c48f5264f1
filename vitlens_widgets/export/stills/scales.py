"""How numbers become colours: places on a colour map, how much they cover, ticks of a legend."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from vitlens_widgets.export.stills.colors import table

MISSING, KNOCKED_OUT = 238, 156
"""Greys of what has no number, and of minus infinity: the score of a key that may not be seen."""

GROUND_GREY = 69
"""The middle of a prepared picture, which a legend is blended over."""

VEIL = 0.92
"""Opacity of grey over a patch without a number."""


def number(value: float, digits: int = 3) -> str:
    """So many digits that count, so that what is small is never 0.00: `"0.00127"`, `"−8.59"`."""
    whole = 10**digits - 0.5 <= abs(value) < 10**6
    return (f"{value:.0f}" if whole else f"{value:.{digits}g}").replace("-", "−")


def probability(value: float, digits: int = 2) -> str:
    """A number 0..1; below a hundredth two digits count, as in js/lib/numbers.js."""
    if value == 0 or value != value:
        return "NaN" if value else "0"
    return f"{value:#.2g}" if value < 0.01 else f"{value:.{digits}f}"


def end_of_probabilities(most: float) -> float:
    """Where a scale from 0 to 1 ends if all are far below it, as in js/lib/numbers.js."""
    if not 0 < most <= 0.5:
        return 1.0
    ends = (float(f"{step}e{math.floor(math.log10(most))}") for step in (1, 2, 5, 10))
    return next(end for end in ends if most <= end)


@dataclass(frozen=True)
class ColorScale:
    """A colour map with the numbers that it stands for.

    Attributes:
        map: Its name; "blue_orange" is symmetric about 0.
        end: The largest magnitude on it.
        bend: How places follow numbers. "rank" is a logarithm from `end` up to 1.
        low: Where "log" begins.
        is_clipped: There are numbers beyond `end`.
        is_clipped_below: There are numbers below `-end`.
    """

    map: str
    end: float
    bend: Literal["linear", "sqrt", "log", "rank"] = "linear"
    low: float = 0.0
    is_clipped: bool = False
    is_clipped_below: bool = False

    def place(self, values: np.ndarray) -> np.ndarray:
        """Where on the map, 0..1, of numbers of any shape; NaN where there is none."""
        values, end = np.asarray(values, float), self.end or 1.0
        if self.bend == "log":
            decades = np.log(np.maximum(values, self.low) / self.low)
            return np.clip(decades / np.log(end / self.low), 0, 1)
        if self.bend == "rank":
            return 1 - np.log(values) / np.log(max(2, end))
        share = np.where(np.isfinite(values), np.abs(values) / end, np.nan)
        share = np.sqrt(share) if self.bend == "sqrt" else share
        if self.map == "blue_orange":
            return np.clip(0.5 + np.sign(values) * share / 2, 0, 1)
        return np.clip(np.where(values < 0, 0, share), 0, 1)

    def pixels(self, values: np.ndarray) -> np.ndarray:
        """Numbers of any shape as colours, uint8 `[..., 3]`."""
        place = self.place(values)
        index = np.floor(255 * np.clip(np.nan_to_num(place), 0, 1) + 0.5).astype(int)
        colors = np.where(np.isnan(place)[..., None], MISSING, table(self.map)[index])
        return np.where(np.isneginf(values)[..., None], KNOCKED_OUT, colors).astype(np.uint8)

    def cover(self, values: np.ndarray) -> np.ndarray:
        """Numbers as what is laid over a picture, `[..., 4]`: colours 0..255, opacity 0..1."""
        place = self.place(values)
        opacity = np.where(np.isnan(place), VEIL, self._opacity(place))
        return np.concatenate([self.pixels(values), opacity[..., None]], -1)

    def _opacity(self, place: np.ndarray) -> np.ndarray:
        if self.map == "magma":
            return 0.36 + 0.54 * place
        return 0.12 + 0.63 * (np.abs(2 * place - 1) if self.map == "blue_orange" else place)

    def ramp(self, is_blended: bool) -> np.ndarray:
        """The map, uint8 `[256, 3]`, if need be as it looks over a prepared picture."""
        alpha = self._opacity(np.linspace(0, 1, 256))[:, None] if is_blended else 1.0
        return np.rint(GROUND_GREY * (1 - alpha) + table(self.map) * alpha).astype(np.uint8)

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """Of its legend, `(place 0..1, text)`."""
        end = self.end or 1.0
        if self.bend == "log":
            tens = self.low * 10.0 ** np.arange(float(np.ceil(np.log10(end / self.low) - 1e-9)))
            values = [*tens, end]
        elif self.bend == "rank":
            values = [end, *(ten for ten in (100, 10) if end > 3 * ten), 1]
        else:
            values = [-end if self.map == "blue_orange" else end / 2, end]
            values = sorted([0.0, *values])
        texts = [number(value) for value in values]
        texts[0] = f"≤ {texts[0]}" if self.bend == "log" or self.is_clipped_below else texts[0]
        texts[-1] = f"≥ {texts[-1]}" if self.is_clipped else texts[-1]
        return list(zip(self.place(np.array(values)).tolist(), texts, strict=True))
