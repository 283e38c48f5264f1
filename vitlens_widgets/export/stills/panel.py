"""A panel: a picture under the colours of its patches, with what stands on them and is pinned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from vitlens_widgets.export.stills.fonts import font, sprite, written
from vitlens_widgets.export.stills.paper import INK, PAPER, ring
from vitlens_widgets.export.stills.scales import ColorScale

SMALLEST_EMOJI, SMALLEST_TEXT = 12, 24  # px of a patch


class Mark(NamedTuple):
    """What stands on a patch: an emoji, fainter the smaller its strength, or else a text."""

    text: str = ""
    emoji: str = ""
    strength: float = 1.0


@dataclass(frozen=True)
class Panel:
    """A picture with words under it.

    Attributes:
        picture: uint8 `[height, width, 3]`; None where `cover` is opaque.
        cover: Laid over it, a cell each, `[row, col, 4]`: colours 0..255 and opacity 0..1.
        name: Stands under it.
        notes: Lines below the name.
        marks: Of the cells, row by row.
        regions: `[row, col]`; neighbours that differ have a line between them.
        rings: What is pinned: left, top, width and height as shares of the picture.
        legend: A scale, or classes with their colours, `(text, uint8 [3])`.
        is_chosen: It is the one that the widget shows.
    """

    picture: np.ndarray | None
    cover: np.ndarray
    name: str = ""
    notes: Sequence[str] = ()
    marks: Sequence[Mark] = ()
    regions: np.ndarray | None = None
    rings: Sequence[tuple[float, float, float, float]] = ()
    legend: ColorScale | Sequence[tuple[str, np.ndarray]] = ()
    is_chosen: bool = False

    def drawn(self, room: float) -> Image.Image:
        """The picture in a square of so many pixels, with all that lies on it."""
        rows, cols = self.cover.shape[:2]
        cell = room / max(rows, cols)
        cell = int(cell) if int(cell) >= 0.8 * cell else cell  # whole ones, unless that wastes much
        width, height = max(1, round(cols * cell)), max(1, round(rows * cell))
        pixels = np.full((height, width, 3), 255)
        if self.picture is not None:
            photo = Image.fromarray(np.ascontiguousarray(self.picture, np.uint8))
            pixels = np.asarray(photo.resize((width, height), Image.Resampling.LANCZOS))
        at = np.ix_(np.arange(height) * rows // height, np.arange(width) * cols // width)
        cover = self.cover.astype(np.float32)[at]
        pixels = np.rint(pixels * (1 - cover[..., 3:]) + cover[..., :3] * cover[..., 3:])
        if self.regions is not None:
            pixels[_edges(self.regions[at])] = 27
        image = Image.fromarray(pixels.astype(np.uint8))
        for place, mark in enumerate(self.marks):
            _stamp(image, mark, [cell * (index + 0.5) for index in divmod(place, cols)], cell)
        for x, y, across, down in self.rings:
            ring(image, x * width, y * height, max(3, across * width), max(3, down * height))
        if self.is_chosen:
            ring(image, 2, 2, width - 4, height - 4)
        return image


def _edges(regions: np.ndarray) -> np.ndarray:
    """Where a pixel's region is not that of the pixel above or to the left."""
    return np.logical_or(*(np.diff(regions, axis=i, prepend=regions.take([0], i)) for i in (0, 1)))


def _stamp(image: Image.Image, mark: Mark, middle: list[float], cell: float) -> None:
    """A mark in the middle (row, column) of a cell, or nothing where that is too small."""
    drawn, (y, x) = None, middle
    if cell >= SMALLEST_EMOJI and mark.emoji:
        drawn = sprite(mark.emoji, round(0.74 * cell), 0.35 + 0.65 * mark.strength)
    if drawn is not None:
        image.paste(drawn, (round(x - drawn.width / 2), round(y - drawn.width / 2)), drawn)
    elif cell >= SMALLEST_TEXT and mark.text:
        how: dict[str, Any] = {"anchor": "mm", "stroke_width": 1, "stroke_fill": INK}
        text = written(mark.text, cell - 4, 11)
        ImageDraw.Draw(image).text((x, y), text, PAPER, font(11), **how)
