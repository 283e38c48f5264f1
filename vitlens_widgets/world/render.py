"""From a composition to pixels: the picture and the exact mask of its things, with Pillow.

The picture is painted at twice its size and averaged down, so that edges are smooth; the mask is
painted once, without smoothing: a pixel belongs to the thing that covers its centre, whatever is
painted last being in front.
"""

from __future__ import annotations

import functools

import numpy as np
from PIL import Image, ImageDraw

from .composition import Composition
from .drawings.parts import Parts

_SMOOTHING = 2
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
        _paint(painter, parts, scale)
    return _with_grain(np.asarray(large.reduce(_SMOOTHING)), composition.grain, rng)


def render_instances(composition: Composition, height: int, width: int) -> np.ndarray:
    """The instance mask as uint8 `[height, width]`: 0 is background, 1 the first thing."""
    mask = Image.new("L", (width, height), 0)
    painter = ImageDraw.Draw(mask)
    for number, parts in enumerate(composition.things, start=1):
        _paint(painter, [(outline, number) for outline, _ in parts], min(height, width))
    return np.array(mask)


def _paint(painter: ImageDraw.ImageDraw, parts: Parts, scale: float) -> None:
    """Fill the shapes; half a pixel is subtracted because Pillow counts from pixel centres."""
    if not parts:
        return
    points = np.concatenate([outline for outline, _ in parts])
    flat = (points * scale - 0.5).ravel().tolist()
    start = 0
    for outline, fill in parts:
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
    row, column = rng.integers(0, _GRAIN_SIDE, 2).tolist()
    rows = np.arange(row, row + height) % _GRAIN_SIDE
    columns = np.arange(column, column + width) % _GRAIN_SIDE
    noise = _grain_table().take(rows, axis=0).take(columns, axis=1)
    noise *= np.float32(strength)
    noise += image
    return np.clip(noise, 0, 255, out=noise).astype(np.uint8)
