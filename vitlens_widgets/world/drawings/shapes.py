"""Polygons: the few curves that every drawing is made of.

A polygon is a float array `[point, 2]` of (x, y), y pointing down. Drawings live in the unit box:
both coordinates between -1 and 1.
"""

from __future__ import annotations

import functools
import math

import numpy as np

from vitlens_widgets.world.drawings.palette import Color


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


Parts = list[tuple[np.ndarray, Color]]
"""Filled polygons of the unit box, `([point, 2], colour)`, painted in this order."""
