"""Blobs, shards and bars that lie about behind the things and belong to no class."""

from __future__ import annotations

import math

import numpy as np

from .drawings.parts import Parts
from .geometry import ellipse
from .palette import hsv


def random_clutter(rng: np.random.Generator, extent: tuple[float, float]) -> Parts:
    """Up to four pieces anywhere in a picture of `extent` = (width, height) units."""
    return [_piece(rng, extent) for _ in range(rng.integers(0, 5))]


def _piece(rng: np.random.Generator, extent: tuple[float, float]) -> tuple:
    shape = _SHAPES[rng.integers(len(_SHAPES))](rng)
    center = rng.uniform(0, 1, 2) * extent
    color = hsv(rng.random(), rng.uniform(0.2, 1), rng.uniform(0.25, 1))
    return rng.uniform(0.03, 0.11) * shape + center, color


def _blob(rng: np.random.Generator) -> np.ndarray:
    angles = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    wave2, wave3 = rng.uniform(0, 2 * np.pi, 2)
    depth2, depth3 = rng.random(2) * (0.25, 0.2)
    radius = 1 + depth2 * np.cos(2 * angles + wave2) + depth3 * np.cos(3 * angles + wave3)
    return radius[:, None] * ellipse(0, 0, 1, points=20)


def _shard(rng: np.random.Generator) -> np.ndarray:
    angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 6)))
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _bar(rng: np.random.Generator) -> np.ndarray:
    angle, thickness = rng.uniform(0, np.pi), rng.uniform(0.1, 0.5)
    along = 2 * np.array([math.cos(angle), math.sin(angle)])
    across = 0.5 * thickness * np.array([-along[1], along[0]])
    return np.stack([along + across, along - across, -along - across, -along + across])


_SHAPES = (_blob, _shard, _bar)
