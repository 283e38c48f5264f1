"""Patches over a picture: colours, lines between what differs, an emoji or a word on each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from vitlens_widgets.export.stills.emoji import faded, sprite
from vitlens_widgets.export.stills.scales import ColorScale
from vitlens_widgets.export.stills.sheet import Sheet, photo
from vitlens_widgets.export.stills.tinting import laid_over, prepared
from vitlens_widgets.export.stills.words import HINT, INK, PAPER, font, written

SMALLEST_EMOJI, SMALLEST_LABEL, SMALLEST_DOT = 12, 40, 24  # px of a patch


class Ground:
    """A picture that patches are laid over, at any size.

    Args:
        picture: uint8 `[height, width, 3]`.
        grid: Rows and columns of patches.
        how: What `prepared` takes; None leaves the picture as it is.
    """

    def __init__(
        self, picture: np.ndarray, grid: tuple[int, int], how: dict[str, float] | None = None
    ) -> None:
        self.grid = grid
        self._pixels = picture if how is None else prepared(picture, **how)
        self._sized: dict[float, np.ndarray] = {}

    def cell(self, side: float) -> float:
        """Pixels of a patch, so that the grid fits; whole ones unless that wastes much room."""
        fit = side / max(self.grid)
        return int(fit) if fit >= 4 else fit

    def within(self, side: int) -> Image.Image:
        """The picture in so many pixels, nothing laid over it."""
        return Image.fromarray(self._at(self.cell(side)))

    def covered(self, side: int, values: np.ndarray, scale: ColorScale) -> Image.Image:
        """The picture in so many pixels, under numbers `[row, col]` in their colours."""
        return self.under(self.cell(side), scale.pixels(values), scale.opacity(values))

    def under(
        self,
        cell: float,
        colors: np.ndarray,
        opacity: np.ndarray,
        stripes: np.ndarray | None = None,
    ) -> Image.Image:
        """The picture under colours `[row, col, 3]`, as `tinting.laid_over` has them."""
        return Image.fromarray(laid_over(self._at(cell), colors, opacity, stripes))

    def _at(self, cell: float) -> np.ndarray:
        if cell not in self._sized:
            size = (round(self.grid[1] * cell), round(self.grid[0] * cell))
            self._sized[cell] = np.asarray(photo(self._pixels, *size))
        return self._sized[cell]


def framed(
    sheet: Sheet,
    image: Image.Image,
    at: tuple[float, float],
    grid: tuple[int, int],
    pinned: Iterable[int] = (),
) -> float:
    """Puts a picture of patches on a sheet, the pinned ones ringed; returns where it ends."""
    sheet.put(image, *at)
    width, height = image.width / grid[1], image.height / grid[0]
    for row, col in (divmod(patch, grid[1]) for patch in pinned):
        sheet.ring(at[0] + col * width, at[1] + row * height, width, height)
    return at[1] + image.height


@dataclass(frozen=True)
class Glyph:
    """What stands on a patch.

    Attributes:
        emoji: One, or nothing.
        text: Where there is no emoji, or where it cannot be drawn; empty for a dot.
        share: 0..1; emoji are fainter the less it is.
        under: A second line.
        color: Of the text; None for one that can be read on the ground.
    """

    emoji: str = ""
    text: str = ""
    share: float = 1.0
    under: str = ""
    color: str | None = None

    def draw(
        self, image: Image.Image, at: tuple[float, float], cell: float, on_light: bool
    ) -> None:
        """Draws it in the middle of a patch, or nothing where that is too small."""
        size = round(cell * (0.6 if cell > SMALLEST_LABEL else 0.74))
        picture = sprite(self.emoji, size, "light" if on_light else "dark")
        if not (self.emoji or self.text):
            _dot(image, at, cell, on_light)
        elif picture is not None and cell >= SMALLEST_EMOJI:
            picture = faded(picture, 0.25 + 0.75 * self.share)
            left, top = (round(x - picture.width / 2) for x in at)
            image.paste(picture, (left, top), picture)
        elif picture is None and cell >= SMALLEST_DOT:
            self._write(image, at, cell, INK if on_light else PAPER)

    def _write(self, image: Image.Image, at: tuple[float, float], cell: float, ink: str) -> None:
        if not self.under:
            _write(image, at, self.text, cell, self.color or ink)
        elif cell >= SMALLEST_LABEL:
            _write(image, (at[0], at[1] - 7), self.text, cell, ink, bold=True)
            _write(image, (at[0], at[1] + 7), self.under, cell, ink)


def centers(grid: tuple[int, int], cell: float) -> np.ndarray:
    """The middles of patches, `[row, col, (x, y)]`."""
    rows, cols = (cell * (np.arange(count) + 0.5) for count in grid)
    return np.stack(np.meshgrid(cols, rows), -1)


def outline(image: Image.Image, classes: np.ndarray, cell: float) -> None:
    """A line wherever two neighbours in `[row, col]` differ."""
    pen, width = ImageDraw.Draw(image), 2 if cell >= SMALLEST_LABEL else 1
    for row, col in np.argwhere(classes[1:] != classes[:-1]):
        y = (row + 1) * cell
        pen.line((col * cell, y, (col + 1) * cell, y), INK, width)
    for row, col in np.argwhere(classes[:, 1:] != classes[:, :-1]):
        x = (col + 1) * cell
        pen.line((x, row * cell, x, (row + 1) * cell), INK, width)


def _dot(image: Image.Image, at: tuple[float, float], cell: float, on_light: bool) -> None:
    if cell >= SMALLEST_DOT:
        box = (at[0] - 1, at[1] - 1, at[0] + 1, at[1] + 1)
        ImageDraw.Draw(image).ellipse(box, HINT if on_light else "#cccccc")


def _write(
    image: Image.Image, at: tuple[float, float], text: str, cell: float, color: str, *,
    bold: bool = False,
) -> None:  # fmt: skip
    """A word on a patch, with a rim that lets it be read on any picture."""
    face = font(11, bold)
    rim = "#ffffffb0" if color == INK else "#000000b0"
    ImageDraw.Draw(image, "RGBA").text(
        at, written(text, face, cell - 4), color, face, anchor="mm", stroke_width=1, stroke_fill=rim
    )
