"""An overview: every head of every layer as a small map."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image

from vitlens_widgets.export.stills.paper import GREY, INK, PAPER, above, beside, blank, ring, words
from vitlens_widgets.export.stills.piece import Letters, Piece, Pixels, Placed, Stroke

LABELS, LARGEST, TALLEST = 26, 80, 430  # units: a layer's name; a map; all layers
NAMES, HEAD_NAME = 14, 26  # units: the line of the heads' names, and each of them
Head = tuple[int, int]


def overview(
    width: int,
    maps: np.ndarray,
    chosen: Head | None = None,
    off: Sequence[Head] = (),
    last: str = "",
) -> Piece:
    """Layers from top to bottom, heads from left to right.

    Args:
        width: Room for them, in units.
        maps: Colours, uint8 `[layer, head, row, col, 3]`.
        chosen: Layer and head of the one to be ringed.
        off: Those to be crossed out.
        last: What the last column is, where that is no head.
    """
    layers, heads, rows, cols = maps.shape[:4]
    step = int(min((width - LABELS) / heads, TALLEST / layers * cols / rows, LARGEST))
    gap = 3 if step > 20 else 1
    size = (max(2, step - gap), max(1, round((step - gap) * rows / cols)))
    every = 1 if size[1] >= 12 else 2
    lines: list[Piece] = []
    for layer in range(layers):
        name = words(f"L{layer}" if layer % every == 0 else "", LABELS - gap, 11, height=size[1])
        tiles = [
            _tile(maps[layer, head], size, (layer, head) == chosen, (layer, head) in off)
            for head in range(heads)
        ]
        lines.append(beside([name, *tiles], gap))
    return above(_names(heads, size[0], gap, last), *lines, gap=gap)


def _names(heads: int, width: int, gap: int, last: str) -> Piece:
    """The heads' names over their columns, as many as stand apart."""
    pitch = width + gap
    every = -(-HEAD_NAME // pitch)
    parts: list[Placed] = []
    named = {head: f"H{head}" for head in range(0, heads, every)}
    if last:
        named = {head: name for head, name in named.items() if head <= heads - 1 - every}
        named[heads - 1] = last
    for head, name in named.items():
        letters = Letters(name, 11, GREY, anchor="m")
        parts.append(Placed(LABELS + head * pitch + width / 2, NAMES / 2, letters))
    return blank(LABELS + heads * pitch - gap, NAMES).with_parts(*parts)


def _tile(colors: np.ndarray, size: tuple[int, int], is_chosen: bool, is_off: bool) -> Piece:
    """One head's map, uint8 `[row, col, 3]`."""
    picture = Image.fromarray(colors)

    def made(width: int, height: int) -> Image.Image:
        is_less = picture.width > width
        how = Image.Resampling.BOX if is_less else Image.Resampling.NEAREST
        return picture.resize((width, height), how)

    parts = [Placed(0, 0, Pixels(*size, made)), *(_cross(*size) if is_off else ())]
    if is_chosen:
        parts += ring(1, 1, size[0] - 2, size[1] - 2)
    return Piece(*blank(*size).size, parts, clips=True)


def _cross(width: int, height: int) -> Iterator[Placed]:
    for start, end in ((0, height - 1), (height - 1, 0)):
        for color, line in ((INK, 4), (PAPER, 2)):
            yield Placed(0, 0, Stroke([(0, start), (width - 1, end)], color, line))
