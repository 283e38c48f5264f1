"""An overview: every head of every layer as a small map."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

from vitlens_widgets.export.stills.sheet import Sheet
from vitlens_widgets.export.stills.words import HINT

LABELS = 26  # px that a layer's name takes before its heads
LARGEST = 80
Head = tuple[int, int]


def overview(
    sheet: Sheet,
    pixels: Callable[[int, int], np.ndarray],
    shape: tuple[int, int],
    at: tuple[int, int],
    size: tuple[int, int],
    *,
    chosen: Head | None = None,
    off: Sequence[Head] = (),
) -> float:
    """Draws layers from top to bottom, heads from left to right; returns where it ends.

    Args:
        sheet: To draw on.
        pixels: A head's map, `(layer, column) -> uint8 [row, col, 3]`.
        shape: Layers and columns.
        at: Where it begins.
        size: Its room.
        chosen: The one to be ringed.
        off: Those to be crossed out.
    """
    (x, y), (layers, count) = at, shape
    rows, cols = pixels(0, 0).shape[:2]
    step = min((size[0] - LABELS) / count, size[1] / layers * cols / rows, LARGEST)
    width = max(2, int(step) - (3 if step > 20 else 1))
    height = max(1, round(width * rows / cols))
    down = height + int(step) - width
    for layer in range(layers):
        top = y + layer * down
        if down >= 13 or layer % 2 == 0:
            sheet.words(x, top + height / 2 + 4, f"L{layer}", 11, HINT)
        for column in range(count):
            left = round(x + LABELS + column * step)
            sheet.put(_small(pixels(layer, column), width, height), left, top)
            if (layer, column) in off:
                sheet.cross(left, top, width, height)
            if (layer, column) == chosen:
                sheet.ring(left, top, width, height)
    return y + layers * down


def _small(pixels: np.ndarray, width: int, height: int) -> Image.Image:
    how = Image.Resampling.BOX if pixels.shape[1] > width else Image.Resampling.NEAREST
    return Image.fromarray(pixels).resize((width, height), how)
