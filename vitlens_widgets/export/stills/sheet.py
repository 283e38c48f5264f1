"""A sheet of paper for still pictures: words, pictures, marks and legends, drawn by Pillow."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from vitlens_widgets.export.stills.words import (
    ACCENT,
    GAP,
    GREY,
    HINT,
    INK,
    LEAD,
    PAPER,
    Word,
    cut_to,
    font,
    length,
    written,
)

WIDTH = 1000
MARGIN = 20
INSIDE = WIDTH - 2 * MARGIN
TALLEST = 4000
Ticks = Sequence[tuple[float, str]]

MOST_BYTES = 150_000
"""What a picture should weigh at most; colours are merged until it does."""
FEWER_COLORS = (256, 128, 64, 24)


class Sheet:
    """A white sheet, `WIDTH` pixels wide; it ends below the last thing that was put on it."""

    def __init__(self) -> None:
        self.image = Image.new("RGB", (WIDTH, TALLEST), PAPER)
        self.pen = ImageDraw.Draw(self.image)
        self.end = 0

    def words(
        self, x: float, y: float, text: str, size: int = 13, color: str = INK, *,
        bold: bool = False, width: float | None = None, anchor: str = "ls",
    ) -> float:  # fmt: skip
        """Writes one line upon the base line `y`; returns where it ends."""
        face = font(size, bold)
        text = written(text, face, width)
        self.pen.text((x, y), text, color, face, anchor=anchor)
        self._reach(y + size / 3)
        return x + face.getlength(text)

    def line(
        self, x: float, y: float, words: Sequence[Word], width: float, size: int = 12, *,
        centered: bool = False,
    ) -> float:  # fmt: skip
        """Writes words side by side upon the base line `y`, names cut to fit; returns the end."""
        most = cut_to(words, width, size)
        if centered:
            x += max(0, (width - length(words, size)) / 2)
        end = x + width
        for word in words:
            for picture in word.lead(size):
                self.put(picture, x, y - size + (size + 2 - picture.height) / 2)
                x += picture.width + LEAD
            room = min(end - x, most if word.is_name else width)
            text = word.shown(size)
            x = self.words(x, y, text, size, word.color, bold=word.bold, width=room)
            x += GAP if text else 0
        return x - GAP

    def put(self, picture: Image.Image, x: float, y: float) -> None:
        """Lays a picture on the sheet; where it is transparent, the sheet is seen."""
        at = (round(x), round(y))
        self.image.paste(picture, at, picture if picture.mode == "RGBA" else None)
        self._reach(at[1] + picture.height)

    def box(self, x: float, y: float, width: float, height: float, fill: str) -> None:
        """A filled rectangle."""
        if width >= 1 and height >= 1:
            self.pen.rectangle((x, y, x + width - 1, y + height - 1), fill)
            self._reach(y + height)

    def ring(self, x: float, y: float, width: float, height: float) -> None:
        """The mark of what is pinned or chosen."""
        for out, color, line in ((2, PAPER, 1), (1, ACCENT, 2), (-1, PAPER, 1)):
            edges = (x - out, y - out, x + width + out - 1, y + height + out - 1)
            self.pen.rectangle(edges, outline=color, width=line)

    def cross(self, x: float, y: float, width: float, height: float) -> None:
        """Strikes out a rectangle."""
        for start, end in ((y, y + height - 1), (y + height - 1, y)):
            for color, line in ((INK, 4), (PAPER, 2)):
                self.pen.line((x, start, x + width - 1, end), color, line)

    def ramp(self, x: float, y: float, width: int, colors: np.ndarray, ticks: Ticks) -> None:
        """A legend: colours `[256, 3]`, and ticks `(place 0..1, text)`."""
        self.put(scaled(colors[None], width, 8, smooth=False), x, y)
        self.ticks(x, y + 22, width, ticks)

    def ticks(self, x: float, y: float, width: float, ticks: Ticks) -> None:
        """Numbers along an axis, without those that would touch another; the ends come first."""
        taken: dict[float, tuple[float, float, str]] = {}
        for place, text in [*ticks[:1], *ticks[:0:-1]]:
            room = font(11).getlength(text)
            left = x + place * width - room * (0 if place < 0.01 else 1 if place > 0.99 else 0.5)
            if all(left > end + 4 or left + room < at - 4 for at, end, _ in taken.values()):
                taken[round(place, 3)] = (left, left + room, text)
            else:
                taken.pop(round(1 - place, 3), None)  # a symmetric axis stays so
        for left, _, text in taken.values():
            self.words(left, y, text, 11, HINT)

    def png(self) -> bytes:
        """The sheet as a PNG with as many colours as its bytes allow."""
        whole = self.image.crop((0, 0, WIDTH, min(TALLEST, round(self.end) + MARGIN)))
        coded = b""
        for colors in FEWER_COLORS:
            coded = _png(whole, colors)
            if len(coded) <= MOST_BYTES:
                break
        return coded

    def title(self, name: str, subtitle: str, *lines: str) -> None:
        """What is shown, of which model, and lines on what has been chosen."""
        end = self.words(MARGIN, 33, name, 16, bold=True)
        self.words(end + 10, 33, subtitle, 13, GREY, width=WIDTH - MARGIN - end - 10)
        for i, line in enumerate(filter(None, lines)):
            self.words(MARGIN, 56 + 20 * i, line, 13, GREY, width=INSIDE)

    def _reach(self, y: float) -> None:
        self.end = max(self.end, y)


def scaled(pixels: np.ndarray, width: int, height: int, *, smooth: bool) -> Image.Image:
    """Pixels uint8 `[height, width, 3]` at another size: pictures smooth, data never."""
    how = Image.Resampling.LANCZOS if smooth else Image.Resampling.NEAREST
    image = Image.fromarray(np.ascontiguousarray(pixels, np.uint8))
    return image.resize((max(1, width), max(1, height)), how)


def photo(pixels: np.ndarray, width: int, height: int) -> Image.Image:
    """A photograph at another size, without the noise of single pixels: a third fewer bytes."""
    image = Image.fromarray(np.ascontiguousarray(pixels, np.uint8))
    calm = image.filter(ImageFilter.MedianFilter(3))
    return calm.resize((max(1, width), max(1, height)), Image.Resampling.LANCZOS)


def _png(image: Image.Image, colors: int) -> bytes:
    """A PNG of a palette that is spread over all colours that occur."""
    fewer = image.quantize(colors, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    paper = int(np.asarray(fewer)[0, 0])
    palette = np.array(fewer.getpalette(), np.uint8)
    palette[3 * paper : 3 * paper + 3] = 255  # merged with light greys it is no white
    fewer.putpalette(palette.tobytes())
    out = io.BytesIO()
    fewer.save(out, "PNG", compress_level=6)
    return out.getvalue()
