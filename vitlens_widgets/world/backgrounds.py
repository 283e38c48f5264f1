"""What is behind the things: six kinds of background between two colours."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from .palette import Color, hsv

Field = Callable[[int, int], np.ndarray]
"""(height, width) in pixels -> uint8 `[height, width]`: 0 is one colour, 255 the other."""


@dataclass(frozen=True, slots=True)
class Background:
    """A field between two colours, independent of any pixel size."""

    first: Color
    second: Color
    field: Field

    def render(self, height: int, width: int) -> np.ndarray:
        """The background as uint8 `[height, width, 3]`."""
        return _ramp(self.first, self.second).take(self.field(height, width), axis=0)


def random_background(rng: np.random.Generator, extent: tuple[float, float]) -> Background:
    """A background for a picture `extent` = (width, height) in units of its shorter side."""
    first, second = _muted(rng), _muted(rng)
    make = _KINDS[rng.integers(len(_KINDS))]
    contrast = rng.uniform(0.3, 1)
    second = tuple(round(a + (b - a) * contrast) for a, b in zip(first, second, strict=True))
    return Background(first, second, make(rng, extent))


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
    cells = _cells(rng.integers(4, 8), extent)
    return _smooth(rng.integers(0, 256, cells, dtype=np.uint8))


def _noise(rng: np.random.Generator, extent: tuple[float, float]) -> Field:
    cells = _cells(rng.integers(10, 30), extent)
    return _smooth(rng.integers(40, 216, cells, dtype=np.uint8))


def _checks(rng: np.random.Generator, extent: tuple[float, float]) -> Field:
    rows, columns = _cells(rng.integers(3, 9), extent)
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


_KINDS = (_flat, _gradient, _blotches, _noise, _checks, _stripes)


def _cells(across: int, extent: tuple[float, float]) -> tuple[int, int]:
    """Rows and columns of square cells, `across` of them along the shorter side."""
    return round(across * extent[1]), round(across * extent[0])


def _smooth(cells: np.ndarray) -> Field:
    return _resized(cells, Image.Resampling.BICUBIC)


def _resized(cells: np.ndarray, resample: Image.Resampling) -> Field:
    small = Image.fromarray(cells)
    return lambda height, width: np.asarray(small.resize((width, height), resample))
