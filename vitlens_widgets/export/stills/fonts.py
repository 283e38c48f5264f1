"""Fonts of this machine: of letters, and of emoji as small pictures where it has one."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import cast

import numpy as np
from PIL import Image, ImageDraw, ImageFont, features

PLAIN_FONTS = ("DejaVuSans", "NotoSans-Regular", "Arial", "LiberationSans-Regular")
BOLD_FONTS = ("DejaVuSans-Bold", "NotoSans-Bold", "Arial Bold", "LiberationSans-Bold")
EMOJI_FONTS = (("NotoColorEmoji.ttf", 109), ("Apple Color Emoji.ttc", 160), ("seguiemj.ttf", 109))
"""Colour fonts of Linux, macOS and Windows; the first two are drawn at one size only."""

JOINED = features.check("raqm") and features.check("fribidi")
"""Whether sequences such as flags can be put together into one glyph."""
COLORFUL = "\ufe0f"  # after a symbol that is text by default

LONGEST = 400
"""Letters that a line has room for; to measure more takes time."""
ASCII = str.maketrans({"×": "x", "–": "-", "−": "-", "·": "-", "≥": ">", "≤": "<", "…": "..."})
"""For the font that comes with Pillow, which knows little beyond ASCII."""


def first_of(fonts: Sequence[tuple[str, int]]) -> ImageFont.FreeTypeFont | None:
    """The first that this machine has."""
    for name, size in fonts:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return None


@functools.cache
def font(size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    """A font of this machine, or else the one that comes with Pillow."""
    found = first_of([(f"{name}.ttf", size) for name in (BOLD_FONTS if bold else PLAIN_FONTS)])
    return found or cast(ImageFont.FreeTypeFont, ImageFont.load_default(size))


def written(text: str, width: float, size: int = 12, bold: bool = False, dots: str = "…") -> str:
    """A line as a font can write it, cut to a width, with an ellipsis or what stands for one."""
    face, text = font(size, bold), " ".join(text.split())[:LONGEST]
    if face.getname()[0] == "Aileron":
        dots, text = dots and "...", text.translate(ASCII).encode("ascii", "replace").decode()
    if face.getlength(text) <= width:
        return text
    while text and face.getlength(text.rstrip() + dots) > width:
        text = text[:-1]
    return text.rstrip() + dots if text else ""


def sprite(emoji: str, size: int, strength: float = 1.0) -> Image.Image | None:
    """An emoji `size` pixels wide, RGBA; None where this machine cannot draw it.

    Args:
        emoji: One emoji.
        size: Pixels.
        strength: How little of what is under it is seen through it, 0..1.
    """
    small = _emoji(emoji, size)
    return None if small is None else faint(small, strength)


def faint(picture: Image.Image, strength: float) -> Image.Image:
    """A picture, RGBA, of which as little is seen; it is left as it is."""
    if strength >= 1:
        return picture
    copy = picture.copy()
    copy.putalpha(copy.getchannel("A").point((np.arange(256) * strength).astype(int).tolist()))
    return copy


@functools.lru_cache(2048)
def _emoji(emoji: str, size: int) -> Image.Image | None:
    """An emoji in the middle of a square."""
    face, text = first_of(EMOJI_FONTS), emoji if JOINED else emoji.replace(COLORFUL, "")
    if face is None or not text or (len(text) > 1 and not JOINED):
        return None
    side = round(1.25 * face.size)
    image = Image.new("RGBA", (side, side))
    ImageDraw.Draw(image).text((0, 0), text, font=face, embedded_color=True)
    left, top, right, bottom = image.getbbox() or (0, 0, 0, 0)
    edge = max(right - left, bottom - top)
    x, y = left - (edge - right + left) // 2, top - (edge - bottom + top) // 2
    square = image.crop((x, y, x + edge, y + edge))
    return square.resize((size, size), Image.Resampling.LANCZOS) if edge else None
