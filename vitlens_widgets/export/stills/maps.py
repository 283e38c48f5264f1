"""Attention maps from the codes that a widget sends, coloured as in js/attention_maps/shades.js."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vitlens_widgets.export.stills.colors import colored
from vitlens_widgets.export.stills.numbers import decimal, short
from vitlens_widgets.export.stills.tinting import attention_opacity, map_opacity

LARGEST, MINUS_INFINITY = 253, 254
"""Codes up to the first are numbers; then that of a key that was knocked out, and of no number."""
WITHOUT_NUMBER = ((156, 156, 156), (179, 38, 30))
MANY_TIMES = 20  # a log scale reaches so many times as far up and down as uniform attention
CODES = np.arange(LARGEST + 1) / LARGEST


@dataclass(frozen=True)
class Scale:
    """How the numbers of a map become colours.

    Attributes:
        map: Name of the colour map.
        place: Place 0..1 of each code's number, `[254]`.
        ticks: Of the legend.
    """

    map: str
    place: np.ndarray
    ticks: list[tuple[float, str]]

    def opacity(self, place: np.ndarray) -> np.ndarray:
        """How much of an image a place 0..1 covers."""
        if self.map == "magma":
            return attention_opacity(place)
        return map_opacity(np.abs(2 * place - 1))

    def pixels(self, codes: np.ndarray) -> np.ndarray:
        """Codes of any shape -> uint8 `[..., 3]`."""
        palette = [colored(self.place, self.map), np.array(WITHOUT_NUMBER, np.uint8)]
        return np.concatenate(palette)[codes]

    def places(self, codes: np.ndarray) -> np.ndarray:
        """Codes -> places 0..1; NaN where there is no number."""
        return np.concatenate([self.place, [np.nan, np.nan]])[codes]


def scale_of(kind: str, name: str, own: np.ndarray, shared: np.ndarray, n_tokens: int) -> Scale:
    """The scale of one map.

    Args:
        kind: `"pattern"` or `"scores"`, which are always linear.
        name: `"log"`, `"sqrt"` or `"linear"`.
        own: The map's lo, hi and top.
        shared: `[map, 3]`, those of all maps on the same scale.
        n_tokens: Keys of a query.
    """
    (lo, hi, _), most, top = own, float(shared[:, 1].max()) or 1.0, float(shared[:, 2].max()) or 1.0
    if kind == "scores":
        place = np.clip(0.5 + (lo + (hi - lo) * CODES) / top / 2, 0, 1)
        ticks = [((at + 1) / 2, decimal(at * top)) for at in (-1, -0.5, 0, 0.5, 1)]
        return Scale("blue_orange", place, ticks)
    weights = hi * CODES**4
    if name == "log":
        return _log(weights, max(most, min(1.0, MANY_TIMES / n_tokens)), n_tokens)
    power = 0.5 if name == "sqrt" else 1.0
    shares = (1 / 9, 4 / 9) if name == "sqrt" else (1 / 3, 2 / 3)
    last = f"{'≥ ' if hi > top else ''}{top:.2g}"
    ticks = [(0.0, "0"), *((share**power, short(top * share)) for share in shares), (1.0, last)]
    return Scale("magma", np.clip(weights / top, 0, 1) ** power, ticks)


def _log(weights: np.ndarray, end: float, n_tokens: int) -> Scale:
    lowest = 10.0 ** round(np.log10(1 / MANY_TIMES / n_tokens))
    decades = np.log(end / lowest)
    place = np.clip(np.log(np.maximum(weights, lowest) / lowest) / decades, 0, 1)
    tens = lowest * 10.0 ** np.arange(np.ceil(np.log10(end / lowest) - 1e-9))
    at = np.log(tens / lowest) / decades
    ticks = [
        (float(x), f"{'≤ ' if x == 0 else ''}{short(v)}") for x, v in zip(at, tens, strict=True)
    ]
    return Scale("magma", place, [*(tick for tick in ticks if tick[0] < 0.86), (1.0, short(end))])
