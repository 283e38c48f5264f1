"""From a composition to pixels: the picture and the exact mask of its things, with Pillow.

The picture is painted at twice its size and averaged down, so that edges are smooth. In the mask a
pixel belongs to the thing that covers its centre, whatever is painted last being in front. Pillow
counts every pixel that an outline touches as inside, which would widen things by up to a pixel and
a half; so the mask is painted at three times its size and read off at the centres.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from vitlens_widgets.world.composition import Composition
from vitlens_widgets.world.drawings.shapes import Parts
from vitlens_widgets.world.labels import NO_PART, PARTS

_SMOOTHING = 2
_PRECISION = 3
_GRAIN_SIDE = 512


def render_image(
    composition: Composition, height: int, width: int, rng: np.random.Generator
) -> np.ndarray:
    """The picture as uint8 `[height, width, 3]`, sensor noise included."""
    background = Image.fromarray(composition.background.render(height, width))
    large = background.resize((width * _SMOOTHING, height * _SMOOTHING), Image.Resampling.NEAREST)
    scale = min(height, width) * _SMOOTHING
    painter = ImageDraw.Draw(large)
    for parts in (composition.clutter, *composition.things):
        _paint(painter, parts, scale, -0.5)
    return _with_grain(np.asarray(large.reduce(_SMOOTHING)), composition.grain, rng)


def render_instances(composition: Composition, height: int, width: int) -> np.ndarray:
    """The instance mask as uint8 `[height, width]`: 0 is background, 1 the first thing."""
    things = enumerate(composition.things, start=1)
    numbered = [[(outline, number) for outline, *_ in parts] for number, parts in things]
    return _render_mask(numbered, 0, height, width)


def render_parts(things: Sequence[Parts], height: int, width: int) -> np.ndarray:
    """The part mask as uint8 `[height, width]`, index into `PARTS`; `NO_PART` is background."""
    numbered = [[(outline, PARTS.index(name)) for outline, _, name in parts] for parts in things]
    return _render_mask(numbered, NO_PART, height, width)


def _render_mask(
    things: Sequence[Sequence[tuple[np.ndarray, int]]], background: int, height: int, width: int
) -> np.ndarray:
    """Which number covers the centre of each pixel, uint8 `[height, width]`."""
    fine = Image.new("L", (width * _PRECISION, height * _PRECISION), background)
    painter = ImageDraw.Draw(fine)
    scale = min(height, width) * _PRECISION
    for parts in things:
        # shifted so that every third fine pixel has its centre at the centre of a pixel
        _paint(painter, parts, scale, -0.5 * _PRECISION)
    return np.array(fine)[::_PRECISION, ::_PRECISION].copy()


def _paint(
    painter: ImageDraw.ImageDraw,
    parts: Sequence[tuple[np.ndarray, Any] | tuple[np.ndarray, Any, str]],
    scale: float,
    shift: float,
) -> None:
    """Fill the shapes, scaled and then shifted to Pillow's pixels, whose centres are whole."""
    if not parts:
        return
    points = np.concatenate([outline for outline, *_ in parts])
    flat = (points * scale + shift).ravel().tolist()
    start = 0
    for outline, fill, *_ in parts:
        stop = start + outline.size
        painter.polygon(flat[start:stop], fill=fill)
        start = stop


@functools.cache
def _grain_table() -> np.ndarray:
    """Unit normal noise `[side, side, 3]`; drawing it anew for each picture would cost too much."""
    table = np.random.default_rng(0).standard_normal((_GRAIN_SIDE, _GRAIN_SIDE, 3))
    return table.astype(np.float32)


def _with_grain(image: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """`image` plus a random window of the noise table, which repeats beyond its side."""
    height, width = image.shape[:2]
    row, column = (int(place) for place in rng.integers(0, _GRAIN_SIDE, 2))
    rows = np.arange(row, row + int(height)) % _GRAIN_SIDE
    columns = np.arange(column, column + int(width)) % _GRAIN_SIDE
    noise = _grain_table().take(rows, axis=0).take(columns, axis=1)
    noise *= np.float32(strength)
    noise += image
    return np.clip(noise, 0, 255, out=noise).astype(np.uint8)
