"""Polygons and colours: what every drawing is made of.

A polygon is a float array `[point, 2]` of (x, y), y pointing down. Drawings live in the unit box:
both coordinates between -1 and 1. The few colours of one drawing belong together: its `Palette`.
"""

from __future__ import annotations

import colorsys
import functools
import math
from dataclasses import dataclass

import numpy as np

Color = tuple[int, int, int]

Parts = list[tuple[np.ndarray, Color, str]]
"""Filled polygons of the unit box, `([point, 2], colour, name)`, painted in this order.

The name is that of the part of the thing, such as "eye"; clutter has none: "".
"""

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


@functools.cache
def _circle(points: int) -> np.ndarray:
    """`points` points on the unit circle, `[points, 2]`."""
    angles = np.linspace(0, 2 * np.pi, points, endpoint=False)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def polygon(*coordinates: float) -> np.ndarray:
    """`polygon(x0, y0, x1, y1, ...)` as `[point, 2]`."""
    return np.array(coordinates, dtype=np.float64).reshape(-1, 2)


def rectangle(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    """An upright rectangle."""
    return polygon(left, top, right, top, right, bottom, left, bottom)


def ellipse(
    x: float, y: float, rx: float, ry: float | None = None, turn: float = 0.0, points: int = 20
) -> np.ndarray:
    """An ellipse around (x, y), turned by `turn` radians; a circle without `ry`."""
    outline = _circle(points) * (rx, rx if ry is None else ry)
    return (rotated(outline, turn) if turn else outline) + (x, y)


def arc(start: float, stop: float, points: int) -> np.ndarray:
    """`points` points on the unit circle from angle `start` to `stop`, both included."""
    angles = np.linspace(start, stop, points)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def spline(*coordinates: float, steps: int = 4) -> np.ndarray:
    """A closed Catmull-Rom curve through the given points, `steps` points for each of them."""
    corner = polygon(*coordinates)
    before, after, later = (np.roll(corner, shift, axis=0) for shift in (1, -1, -2))
    a, b, c, d = (p[:, None] for p in (before, corner, after, later))
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    cubic = 3 * b - a - 3 * c + d
    square = 2 * a - 5 * b + 4 * c - d
    return (0.5 * (2 * b + (c - a) * t + square * t**2 + cubic * t**3)).reshape(-1, 2)


def star_outline(tips: int, inner: float) -> np.ndarray:
    """A star with `tips` tips at radius 1 and notches at radius `inner`, first tip upwards."""
    angles = -np.pi / 2 + np.arange(2 * tips) * np.pi / tips
    radii = np.where(np.arange(2 * tips) % 2, inner, 1.0)
    return np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=1)


def mirrored(outline: np.ndarray) -> np.ndarray:
    """The same outline with left and right exchanged."""
    return outline * (-1, 1)


def rotated(outline: np.ndarray, turn: float) -> np.ndarray:
    """The same outline turned by `turn` radians around the origin, clockwise on the screen."""
    c, s = math.cos(turn), math.sin(turn)
    return outline @ np.array([[c, s], [-s, c]])
