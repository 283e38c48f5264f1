"""Cat, dog and fish."""

from __future__ import annotations

import numpy as np

from vitlens_widgets.world.drawings.palette import BLACK, WHITE, Palette, hsv
from vitlens_widgets.world.drawings.shapes import Parts, ellipse, polygon, spline


def cat(rng: np.random.Generator, colors: Palette) -> Parts:
    """A face with pointed ears, a striped forehead and whiskers."""
    width, ears = rng.uniform(0.8, 0.95), rng.uniform(0.85, 1.0)
    parts: Parts = []
    for side in (-1, 1):
        parts += _cat_ear(side, width, ears, colors)
    parts.append((ellipse(0, 0.12, width, 0.75, points=28), colors.base))
    parts.append((polygon(-0.08, -0.6, 0.08, -0.6, 0.03, -0.25, -0.03, -0.25), colors.dark))
    parts += _eyes(rng.uniform(-0.05, 0.05), rng.uniform(0.32, 0.4), rng.uniform(0.11, 0.15))
    parts.append((polygon(-0.1, 0.25, 0.1, 0.25, 0, 0.37), colors.accent))
    for side in (-1, 1):
        mouth = polygon(0, 0.37, side * 0.22, 0.5, side * 0.2, 0.55, 0, 0.42)
        parts += [(mouth, colors.dark), *_whiskers(side, colors)]
    return parts


def _cat_ear(side: int, width: float, height: float, colors: Palette) -> Parts:
    outer = polygon(side * width * 0.95, -0.1, side * 0.78, -height, side * 0.15, -0.55)
    inner = polygon(side * width * 0.8, -0.3, side * 0.7, -height * 0.8, side * 0.32, -0.52)
    return [(outer, colors.base), (inner, colors.light)]


def _whiskers(side: int, colors: Palette) -> Parts:
    near, far, thick = side * 0.35, side * 1.05, 0.05
    return [
        (polygon(near, y0, far, y1, far, y1 + thick, near, y0 + thick), colors.dark)
        for y0, y1 in ((0.28, 0.18), (0.38, 0.42))
    ]


def dog(rng: np.random.Generator, colors: Palette) -> Parts:
    """A long face with hanging ears, a light muzzle and often a tongue."""
    width, ears = rng.uniform(0.62, 0.74), rng.uniform(0.45, 0.6)
    parts = [(ellipse(0, 0, width, 0.88, points=28), colors.base)]
    parts.append((ellipse(0, 0.42, 0.42), colors.light))
    for side in (-1, 1):
        parts.append((_dog_ear(side, ears), colors.dark))
    parts += _eyes(-0.15, rng.uniform(0.25, 0.32), rng.uniform(0.1, 0.13))
    parts.append((ellipse(0, 0.25, 0.2, 0.14), BLACK))
    if rng.random() < 0.7:
        tongue = spline(-0.14, 0.55, 0.14, 0.55, 0.12, 0.9, -0.12, 0.9)
        parts.append((tongue, hsv(0.97, 0.6, 0.95)))
    parts.append((polygon(-0.03, 0.35, 0.03, 0.35, 0.03, 0.58, -0.03, 0.58), BLACK))
    return parts


def _dog_ear(side: int, length: float) -> np.ndarray:
    outline = spline(
        *(0.35, -0.8, 0.8, -0.75, 1.0, -0.2),
        *(0.92, length, 0.7, length - 0.05, 0.62, -0.1),
    )
    return outline * (side, 1)


def fish(rng: np.random.Generator, colors: Palette) -> Parts:
    """Looking to the left: a round body with bands, a forked tail and fins."""
    height = rng.uniform(0.4, 0.55)
    tail = polygon(0.45, 0, 1, -0.5, 0.88, 0, 1, 0.5)
    top_fin = spline(-0.1, -0.9 * height, 0.25, -height - 0.25, 0.35, -0.5 * height)
    parts = [(tail, colors.dark), (top_fin, colors.dark)]
    parts.append((ellipse(-0.15, 0, 0.8, height, points=28), colors.base))
    for band in range(rng.integers(2, 4)):
        parts.append((_fish_band(-0.15 + 0.25 * band, height), colors.accent))
    parts.append((polygon(-0.05, 0.05, 0.25, 0.2, 0.25, 0.45), colors.dark))
    parts.append((ellipse(-0.6, -0.1, 0.13, points=12), WHITE))
    parts.append((ellipse(-0.62, -0.1, 0.07, points=12), BLACK))
    return parts


def _fish_band(x: float, height: float) -> np.ndarray:
    top, bottom = 0.75 * height, 0.7 * height
    return polygon(x, -top, x + 0.1, -bottom, x + 0.1, bottom, x, top)


def _eyes(y: float, apart: float, radius: float) -> Parts:
    """Two dark eyes, each with a glint."""
    parts: Parts = []
    for x in (-apart, apart):
        parts.append((ellipse(x, y, radius, 1.25 * radius, points=12), BLACK))
        glint = ellipse(x + 0.3 * radius, y - 0.4 * radius, 0.35 * radius, points=12)
        parts.append((glint, WHITE))
    return parts
