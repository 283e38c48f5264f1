"""Star, moon and sun."""

from __future__ import annotations

import math

import numpy as np

from vitlens_widgets.world.drawings.palette import Palette, mix
from vitlens_widgets.world.drawings.shapes import (
    Parts,
    arc,
    ellipse,
    polygon,
    rotated,
    star_outline,
)

_MOON_X = 0.25  # a crescent open to the right is centred by moving its disc to the right


def star(rng: np.random.Generator, colors: Palette) -> Parts:
    """Five tips: plain, with a rim, or folded from two tones."""
    outline = star_outline(5, inner=rng.uniform(0.38, 0.5))
    style = rng.integers(3)
    if style == 0:
        return [(outline, colors.dark), (0.8 * outline, colors.base)]
    if style == 1:
        center = np.zeros(2)
        facets = [np.stack([outline[i], outline[i + 1], center]) for i in range(0, 10, 2)]
        return [(outline, colors.base), *((facet, colors.light) for facet in facets)]
    return [(outline, colors.base)]


def moon(rng: np.random.Generator, colors: Palette) -> Parts:
    """A crescent, open to the right, with craters."""
    crescent = _crescent(shift=rng.uniform(0.35, 0.55), horn=rng.uniform(0.95, 1.15))
    parts = [(crescent, colors.base)]
    for _ in range(rng.integers(1, 4)):
        angle = rng.uniform(2.3, 4.0)
        x, y = _MOON_X + 0.72 * math.cos(angle), 0.72 * math.sin(angle)
        parts.append((ellipse(x, y, rng.uniform(0.05, 0.1), points=12), colors.dark))
    return parts


def _crescent(shift: float, horn: float) -> np.ndarray:
    """The unit disc from angle `horn` on, without a disc around (shift, 0) through both horns."""
    x, y = math.cos(horn) - shift, math.sin(horn)
    bite = math.atan2(y, x)
    inner = math.hypot(x, y) * arc(2 * np.pi - bite, bite, 24) + (shift, 0)
    outer = arc(horn, 2 * np.pi - horn, 28)
    return np.concatenate([outer, inner]) + np.array([_MOON_X, 0])


def sun(rng: np.random.Generator, colors: Palette) -> Parts:
    """A disc and eight to twelve pointed rays, apart from it."""
    rays = int(rng.integers(8, 13))
    ray = polygon(0.62, 0.13, 1, 0, 0.62, -0.13)
    parts = [(rotated(ray, 2 * np.pi * i / rays), colors.base) for i in range(rays)]
    parts.append((ellipse(0, 0, 0.55, points=28), mix(colors.base, colors.light, 0.3)))
    if rng.random() < 0.5:
        parts.append((ellipse(0, 0, 0.38), colors.base))
    return parts
