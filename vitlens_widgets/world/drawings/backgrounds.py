"""What is behind the things: six kinds of background, and clutter that belongs to no class."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from vitlens_widgets.world.drawings.shapes import Color, Parts, ellipse, hsv

Field = Callable[[int, int], np.ndarray]
"""(height, width) in pixels -> uint8 `[height, width]`: 0 is one colour, 255 the other."""


@dataclass(frozen=True, slots=True)
class Background:
    """A field between two colours, independent of any pixel size; `kind` is one of `_KINDS`."""

    first: Color
    second: Color
    field: Field
    kind: str

    def render(self, height: int, width: int) -> np.ndarray:
        """The background as uint8 `[height, width, 3]`."""
        return _ramp(self.first, self.second).take(self.field(height, width), axis=0)


def random_background(rng: np.random.Generator, extent: tuple[float, float]) -> Background:
    """A background for a picture `extent` = (width, height) in units of its shorter side."""
    first, second = _muted(rng), _muted(rng)
    kind = tuple(_KINDS)[rng.integers(len(_KINDS))]
    contrast = rng.uniform(0.3, 1)
    red, green, blue = (round(a + (b - a) * contrast) for a, b in zip(first, second, strict=True))
    return Background(first, (red, green, blue), _KINDS[kind](rng, extent), kind)


def _muted(rng: np.random.Generator) -> Color:
    return hsv(rng.random(), rng.uniform(0.05, 0.7), rng.uniform(0.25, 1))


def _ramp(first: Color, second: Color) -> np.ndarray:
    """256 colours from `first` to `second`, uint8 `[256, 3]`."""
    share = np.linspace(0, 1, 256)[:, None]
    return np.rint(np.array(first) * (1 - share) + np.array(second) * share).astype(np.uint8)


def _flat(_rng: np.random.Generator, _extent: tuple[float, float]) -> Field:
    return lambda height, width: np.zeros((height, width), np.uint8)


def _gradient(rng: np.random.Generator, _extent: tuple[float, float]) -> Field:
    return _smooth(rng.integers(0, 256, (2, 2), dtype=np.uint8))


def _blotches(rng: np.random.Generator, extent: tuple[float, float]) -> Field:
    cells = _cells(int(rng.integers(4, 8)), extent)
    return _smooth(rng.integers(0, 256, cells, dtype=np.uint8))


def _noise(rng: np.random.Generator, extent: tuple[float, float]) -> Field:
    cells = _cells(int(rng.integers(10, 30)), extent)
    return _smooth(rng.integers(40, 216, cells, dtype=np.uint8))


def _checks(rng: np.random.Generator, extent: tuple[float, float]) -> Field:
    rows, columns = _cells(int(rng.integers(3, 9)), extent)
    odd = (np.arange(rows)[:, None] + np.arange(columns)) % 2
    return _resized(np.where(odd, 204, 51).astype(np.uint8), Image.Resampling.NEAREST)


def _stripes(rng: np.random.Generator, extent: tuple[float, float]) -> Field:
    per_unit, angle, phase = rng.uniform(11, 56), rng.uniform(0, np.pi), rng.uniform(0, 2 * np.pi)
    step_x, step_y = per_unit * math.cos(angle), per_unit * math.sin(angle)

    def field(height: int, width: int) -> np.ndarray:
        x = step_x * extent[0] * (np.arange(width, dtype=np.float32) + 0.5) / width
        y = step_y * extent[1] * (np.arange(height, dtype=np.float32) + 0.5) / height + phase
        return (127.5 + 127.5 * np.sin(x[None, :] + y[:, None])).astype(np.uint8)

    return field


_KINDS: dict[str, Callable[[np.random.Generator, tuple[float, float]], Field]] = {
    "flat": _flat,
    "gradient": _gradient,
    "blotches": _blotches,
    "noise": _noise,
    "checks": _checks,
    "stripes": _stripes,
}


def _cells(across: int, extent: tuple[float, float]) -> tuple[int, int]:
    """Rows and columns of square cells, `across` of them along the shorter side."""
    return round(across * extent[1]), round(across * extent[0])


def _smooth(cells: np.ndarray) -> Field:
    return _resized(cells, Image.Resampling.BICUBIC)


def _resized(cells: np.ndarray, resample: Image.Resampling) -> Field:
    small = Image.fromarray(cells)
    return lambda height, width: np.asarray(small.resize((width, height), resample))


def random_clutter(rng: np.random.Generator, extent: tuple[float, float]) -> Parts:
    """Up to four pieces anywhere in a picture of `extent` = (width, height) units."""
    return [_piece(rng, extent) for _ in range(rng.integers(0, 5))]


def _piece(rng: np.random.Generator, extent: tuple[float, float]) -> tuple[np.ndarray, Color, str]:
    shape = _SHAPES[rng.integers(len(_SHAPES))](rng)
    center = rng.uniform(0, 1, 2) * extent
    color = hsv(rng.random(), rng.uniform(0.2, 1), rng.uniform(0.25, 1))
    return rng.uniform(0.03, 0.11) * shape + center, color, ""


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
