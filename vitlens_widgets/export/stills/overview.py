"""An overview: every head of every layer as a small map."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from vitlens_widgets.export.stills.paper import INK, PAPER, above, beside, ring, words

LABELS, LARGEST, TALLEST = 26, 80, 430  # px: a layer's name before its heads; a map; all layers
Head = tuple[int, int]


def overview(
    width: int, maps: np.ndarray, chosen: Head | None = None, off: Sequence[Head] = ()
) -> Image.Image:
    """Layers from top to bottom, heads from left to right.

    Args:
        width: Room for them, in pixels.
        maps: Colours, uint8 `[layer, head, row, col, 3]`.
        chosen: Layer and head of the one to be ringed.
        off: Those to be crossed out.
    """
    layers, heads, rows, cols = maps.shape[:4]
    step = int(min((width - LABELS) / heads, TALLEST / layers * cols / rows, LARGEST))
    gap = 3 if step > 20 else 1
    size = (max(2, step - gap), max(1, round((step - gap) * rows / cols)))
    how = Image.Resampling.BOX if cols > size[0] else Image.Resampling.NEAREST
    tiles = {at: Image.fromarray(maps[at]).resize(size, how) for at in np.ndindex(layers, heads)}
    for at in off:
        for (start, end), (color, line) in _CROSS:
            y = (start * (size[1] - 1), end * (size[1] - 1))
            ImageDraw.Draw(tiles[at]).line((0, y[0], size[0] - 1, y[1]), color, line)
    if chosen is not None:
        ring(tiles[chosen], 1, 1, size[0] - 2, size[1] - 2)
    every = 1 if size[1] >= 12 else 2
    names = [f"L{layer}" if layer % every == 0 else "" for layer in range(layers)]
    names = [words(name, LABELS - gap, 11, height=size[1]) for name in names]
    lines = [[names[i], *(tiles[i, j] for j in range(heads))] for i in range(layers)]
    return above(*(beside(line, gap) for line in lines), gap=gap)


_CROSS = [(ends, pen) for ends in ((0, 1), (1, 0)) for pen in ((INK, 4), (PAPER, 2))]
"""Lines from left to right: where they begin and end, 0 at the top; their colour and width."""
