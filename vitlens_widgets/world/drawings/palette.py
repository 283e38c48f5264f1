"""Colours: the few that belong together in one drawing."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np

Color = tuple[int, int, int]

WHITE: Color = (250, 250, 250)
BLACK: Color = (25, 20, 25)

_USUAL_HUE = {
    "cat": 0.09,
    "dog": 0.07,
    "heart": 0.98,
    "star": 0.14,
    "moon": 0.15,
    "flower": 0.90,
    "tree": 0.33,
    "house": 0.05,
    "fish": 0.55,
    "mushroom": 0.00,
    "apple": 0.99,
    "sun": 0.12,
    "umbrella": 0.75,
    "car": 0.60,
    "boat": 0.58,
    "key": 0.13,
}
_USUAL_SHARE = 0.5  # of the drawings wear their usual hue; the others any, so that shape decides


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of one drawing: its own, a darker and a lighter one, and a contrasting accent."""

    base: Color
    dark: Color
    light: Color
    accent: Color


def hsv(hue: float, saturation: float, value: float) -> Color:
    """An RGB colour in 0..255 from hue (any turn), saturation and value (clipped to 0..1)."""
    saturation, value = min(max(saturation, 0.0), 1.0), min(max(value, 0.0), 1.0)
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation, value)
    return int(255 * red), int(255 * green), int(255 * blue)


def mix(first: Color, second: Color, share: float) -> Color:
    """`first` with `share` (0..1) of `second` in it."""
    red, green, blue = (
        int(a * (1 - share) + b * share) for a, b in zip(first, second, strict=True)
    )
    return red, green, blue


def palette_for(name: str, rng: np.random.Generator) -> Palette:
    """Random colours for a drawing of class `name`: its usual hue half of the time, else any."""
    usual = rng.random() < _USUAL_SHARE
    hue = _USUAL_HUE[name] + 0.03 * rng.normal() if usual else rng.random()
    base = hsv(hue, rng.uniform(0.55, 1), rng.uniform(0.6, 1))
    return Palette(
        base=base,
        dark=mix(base, BLACK, rng.uniform(0.35, 0.6)),
        light=mix(base, WHITE, rng.uniform(0.45, 0.75)),
        accent=hsv(hue + rng.uniform(0.25, 0.75), rng.uniform(0.5, 0.95), rng.uniform(0.6, 1)),
    )
