"""Words for still pictures: fonts, and lines of which long names are cut."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from PIL import Image, ImageFont

from vitlens_widgets.export.stills.emoji import sprite

INK, GREY, HINT, LINE = "#1b1b1b", "#565656", "#6b6b6b", "#d8d8d8"
ACCENT, PAPER = "#0b62d6", "#ffffff"
GAP, LEAD = 7, 5  # px after the words of a line, and after a picture before a word

FONTS = {
    False: ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "Arial.ttf", "LiberationSans-Regular.ttf"),
    True: ("DejaVuSans-Bold.ttf", "NotoSans-Bold.ttf", "Arial Bold.ttf", "LiberationSans-Bold.ttf"),
}
LONGEST = 400
"""Letters that a line has room for; to measure more takes time."""

PLAIN = str.maketrans({"×": "x", "–": "-", "−": "-", "·": "-", "≥": ">", "∞": "inf", "…": "."})
"""For the font that comes with Pillow, which knows little beyond ASCII."""


@functools.cache
def font(size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    """A font of this machine, or else the one that comes with Pillow."""
    for name in FONTS[bold]:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return cast(ImageFont.FreeTypeFont, ImageFont.load_default(size))


def written(text: str, face: ImageFont.FreeTypeFont, width: float | None = None) -> str:
    """A line as a font can write it, cut with an ellipsis to a width."""
    if face.getname()[0] == "Aileron":
        text = text.translate(PLAIN).encode("ascii", "replace").decode()
    text = " ".join(text.split())[:LONGEST]
    if width is None or face.getlength(text) <= width:
        return text
    dots = "." if face.getname()[0] == "Aileron" else "…"
    while text and face.getlength(text.rstrip() + dots) > width:
        text = text[:-1]
    return text.rstrip() + dots if text else ""


@dataclass(frozen=True)
class Word:
    """A piece of a line of words.

    Attributes:
        text: As it is, never read as anything else.
        color: Of the text.
        bold: What one came for.
        emoji: Stands before it, where this machine can draw it.
        swatch: Colours `[row, col, 3]` of a small square before that.
        is_name: Long names are cut, so that the rest of the line has room.
        instead: There is no text where the emoji is drawn.
    """

    text: str
    color: str = GREY
    bold: bool = False
    emoji: str = ""
    swatch: np.ndarray | None = None
    is_name: bool = False
    instead: bool = False

    def lead(self, size: int) -> list[Image.Image]:
        """The pictures that stand before the text."""
        square = () if self.swatch is None else (Image.fromarray(self.swatch).resize((11, 11), 0),)
        drawn = sprite(self.emoji, size + 2)
        return [*square, *([drawn] if drawn is not None else [])]

    def shown(self, size: int) -> str:
        """The text as a font can write it."""
        is_drawn = self.instead and sprite(self.emoji, size + 2) is not None
        return "" if is_drawn else written(self.text, font(size, self.bold))


def length(words: Sequence[Word], size: int = 12) -> float:
    """Pixels that a line of words takes, names uncut."""
    texts = sum(font(size, word.bold).getlength(word.shown(size)) for word in words)
    leads = sum(picture.width + LEAD for word in words for picture in word.lead(size))
    return texts + leads + GAP * (sum(bool(word.shown(size)) for word in words) - 1)


def cut_to(words: Sequence[Word], width: float, size: int = 12) -> float:
    """The length to which a line's names are cut, so that it fits."""
    spare = width - length(words, size)
    names = [font(size, word.bold).getlength(word.shown(size)) for word in words if word.is_name]
    return _level(names, sum(names) + spare) if spare < 0 and names else width


def _level(lengths: Sequence[float], room: float) -> float:
    """The length to which the longest are cut, so that all of them take `room` together."""
    waiting = sorted(lengths)
    while len(waiting) > 1 and waiting[0] <= room / len(waiting):
        room -= waiting.pop(0)
    return max(0.0, room / len(waiting))
