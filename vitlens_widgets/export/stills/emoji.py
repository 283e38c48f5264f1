"""Emoji as small pictures, from the colour font of this machine where it has one."""

from __future__ import annotations

import functools

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont, features

FONTS = (("NotoColorEmoji.ttf", 109), ("Apple Color Emoji.ttc", 160), ("seguiemj.ttf", 109))
"""Colour fonts of Linux, macOS and Windows; the first two are drawn at one size only."""

HALO = {"dark": (0, 0, 0, 217), "light": (255, 255, 255, 242)}
JOINED = features.check("raqm") and features.check("fribidi")
"""Whether sequences such as flags can be put together into one glyph."""
LEVELS = np.arange(256)
COLORFUL = "\ufe0f"  # after a symbol that is text by default


@functools.cache
def font() -> ImageFont.FreeTypeFont | None:
    """The colour font, or None on a machine without any."""
    for name, size in FONTS:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return None


@functools.lru_cache(2048)
def sprite(emoji: str, size: int, halo: str = "") -> Image.Image | None:
    """An emoji `size` pixels wide, RGBA; None where this machine cannot draw it.

    Args:
        emoji: One emoji.
        size: Pixels.
        halo: `"dark"` or `"light"` to stand out from a picture; the sprite is then half as wide
            again, with the emoji in its middle.
    """
    drawn = _drawn(emoji)
    if drawn is None or size < 1:
        return None
    small = drawn.resize((size, size), Image.Resampling.LANCZOS)
    if not halo:
        return small
    edge = size // 4
    whole = Image.new("RGBA", (size + 2 * edge, size + 2 * edge))
    shadow = Image.new("L", whole.size)
    shadow.paste(small.getchannel("A"), (edge, edge))
    shadow = shadow.filter(ImageFilter.GaussianBlur(0.07 * size))
    red, green, blue, most = HALO[halo]
    for _ in range(2):
        around = Image.new("RGBA", whole.size, (red, green, blue, 0))
        around.putalpha(shadow.point((LEVELS * most // 255).tolist()))
        whole = Image.alpha_composite(whole, around)
    whole.alpha_composite(small, (edge, edge))
    return whole


def faded(picture: Image.Image, opacity: float) -> Image.Image:
    """A picture that lets more of what is under it through."""
    copy = picture.copy()
    copy.putalpha(picture.getchannel("A").point(np.rint(LEVELS * opacity).astype(int).tolist()))
    return copy


@functools.cache
def _drawn(emoji: str) -> Image.Image | None:
    """An emoji as large as the font has it, on a square."""
    face, text = font(), emoji.replace(COLORFUL, "")
    if face is None or not text or (len(text) > 1 and not JOINED):
        return None
    text = emoji if JOINED else text
    side = round(1.25 * face.size)
    image = Image.new("RGBA", (side, side))
    ImageDraw.Draw(image).text((0, 0), text, font=face, embedded_color=True)
    box = image.getbbox()
    if box is None:
        return None
    edge = max(box[2] - box[0], box[3] - box[1])
    square = Image.new("RGBA", (edge, edge))
    at = ((edge - box[2] + box[0]) // 2, (edge - box[3] + box[1]) // 2)
    square.paste(image.crop(box), at)
    return square
