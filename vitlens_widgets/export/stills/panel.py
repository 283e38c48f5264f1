"""A panel: a picture under the colours of its patches, with what stands on them and is pinned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, cast

import numpy as np
from PIL import Image

from vitlens_widgets.export.stills.fonts import font, sprite, written
from vitlens_widgets.export.stills.paper import INK, PAPER, ring
from vitlens_widgets.export.stills.piece import Letters, Piece, Pixels, Placed
from vitlens_widgets.export.stills.scales import ColorScale

SMALLEST_EMOJI, SMALLEST_TEXT = 12, 24  # px of a patch


Legend = ColorScale | Sequence[tuple[str, np.ndarray]]
"""A scale, or classes with their colours, `(text, uint8 [3])`."""


class Mark(NamedTuple):
    """What stands on a patch: an emoji, fainter the smaller its strength, or else a text."""

    text: str = ""
    emoji: str = ""
    strength: float = 1.0
    is_sign: bool = False
    """Its first letters stand for the text, as an emoji would, where there is room for no more."""
    ink: str = ""
    """The colour of a text that stands whole or not at all; without one it is white, outlined."""


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
    legend: Legend = ()
    is_chosen: bool = False

    def drawn(self, room: float) -> Piece:
        """The picture in a square of so many units, with all that lies on it."""
        rows, cols = self.cover.shape[:2]
        cell = room / max(rows, cols)
        cell = int(cell) if int(cell) >= 0.8 * cell else cell  # whole ones, unless that wastes much
        width, height = max(1, round(cols * cell)), max(1, round(rows * cell))
        parts = [Placed(0, 0, Pixels(width, height, partial(self._pixels, unit=width)))]
        for place, mark in enumerate(self.marks):
            row, col = divmod(place, cols)
            parts += _stamp(mark, cell * (col + 0.5), cell * (row + 0.5), cell)
        for x, y, across, down in self.rings:
            size = max(3, across * width), max(3, down * height)
            parts += ring(round(x * width), round(y * height), *map(round, size))
        if self.is_chosen:
            parts += ring(2, 2, width - 4, height - 4)
        return Piece(width, height, parts, clips=True)

    def _pixels(self, width: int, height: int, unit: int) -> Image.Image:
        """The picture under its cover; lines between regions are as many pixels wide as a unit."""
        rows, cols = self.cover.shape[:2]
        pixels = np.full((height, width, 3), 255)
        if self.picture is not None:
            photo = Image.fromarray(np.ascontiguousarray(self.picture, np.uint8))
            pixels = np.asarray(photo.resize((width, height), Image.Resampling.LANCZOS))
        at = np.ix_(np.arange(height) * rows // height, np.arange(width) * cols // width)
        cover = self.cover.astype(np.float32)[at]
        pixels = np.rint(pixels * (1 - cover[..., 3:]) + cover[..., :3] * cover[..., 3:])
        if self.regions is not None:
            pixels[_edges(self.regions[at], max(1, round(width / unit)))] = 27
        return Image.fromarray(pixels.astype(np.uint8))


def _edges(regions: np.ndarray, line: int) -> np.ndarray:
    """Where a pixel's region is not that of one of the `line` pixels above or to the left."""
    found = np.zeros(regions.shape, bool)
    for axis in (0, 1):
        edge = np.diff(regions, axis=axis, prepend=regions.take([0], axis)) != 0
        for step in range(line):
            moved = np.roll(edge, step, axis)
            moved[(slice(None),) * axis + (slice(step),)] = False
            found |= moved
    return found


def _stamp(mark: Mark, x: float, y: float, cell: float) -> Iterator[Placed]:
    """A mark around `(x, y)`, the middle of a cell, or nothing where that is too small."""
    size, strength = round(0.74 * cell), 0.35 + 0.65 * mark.strength
    if cell >= SMALLEST_EMOJI and mark.emoji and sprite(mark.emoji, size) is not None:
        place = round(x - size / 2), round(y - size / 2)
        yield Placed(*place, Pixels(size, size, partial(_emoji, mark.emoji), strength))
    elif mark.text and mark.ink:
        if font(11).getlength(mark.text) <= cell - 3:
            yield Placed(x, y, Letters(mark.text, 11, mark.ink, anchor="m"))
    elif mark.text and cell >= (SMALLEST_EMOJI if mark.is_sign else SMALLEST_TEXT):
        points = 11 if cell >= SMALLEST_TEXT else 9
        text = written(mark.text, cell - 3, points, dots="" if mark.is_sign else "…")
        yield Placed(x, y, Letters(text, points, PAPER, anchor="m", halo=INK))


def _emoji(emoji: str, width: int, _height: int) -> Image.Image:
    """An emoji that this machine can draw."""
    return cast(Image.Image, sprite(emoji, width))
