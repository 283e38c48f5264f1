"""A sheet of paper for still pictures: words, pictures, maps, bars and legends, drawn by Pillow."""

from __future__ import annotations

import functools
import io

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

WIDTH = 1000
MARGIN = 20
INSIDE = WIDTH - 2 * MARGIN
TALLEST = 4000
INK, GREY, HINT, LINE, FILL = "#1b1b1b", "#565656", "#6b6b6b", "#d8d8d8", "#f0f0f0"
BAR, ACCENT, SOFT, PAPER, ERROR = "#8a8a8a", "#0b62d6", "#e9f1fb", "#ffffff", "#b3261e"

MOST_BYTES = 150_000
"""What a picture should weigh at most; colours are merged until it does."""
FEWER_COLORS = (256, 160, 96, 48)

FONTS = {
    False: ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "Arial.ttf", "LiberationSans-Regular.ttf"),
    True: ("DejaVuSans-Bold.ttf", "NotoSans-Bold.ttf", "Arial Bold.ttf", "LiberationSans-Bold.ttf"),
}
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
    return ImageFont.load_default(size)


def written(text: str, face: ImageFont.FreeTypeFont, width: float | None = None) -> str:
    """A line as a font can write it, cut with an ellipsis to a width."""
    if face.getname()[0] == "Aileron":
        text = text.translate(PLAIN).encode("ascii", "replace").decode()
    text = " ".join(text.split())
    if width is None or face.getlength(text) <= width:
        return text
    dots = "." if face.getname()[0] == "Aileron" else "…"
    while text and face.getlength(text.rstrip() + dots) > width:
        text = text[:-1]
    return text.rstrip() + dots if text else ""


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

    def cross(self, x: float, y: float, side: float) -> None:
        """Strikes out a square."""
        for start, end in ((y, y + side - 1), (y + side - 1, y)):
            for color, line in ((INK, 4), (PAPER, 2)):
                self.pen.line((x, start, x + side - 1, end), color, line)

    def bar(self, x: float, y: float, width: float, share: float, color: str = BAR) -> None:
        """A share 0..1 of a track; nothing for NaN."""
        self.box(x, y, width, 3, FILL)
        self.box(x, y, width * float(np.nan_to_num(share)), 3, color)

    def ramp(self, x: int, y: int, width: int, colors: np.ndarray, ticks: list) -> None:
        """A legend: colours `[256, 3]`, and ticks `(place 0..1, text)`."""
        self.put(scaled(colors[None], width, 8, smooth=False), x, y)
        for place, text in ticks:
            anchor = "ls" if place < 0.01 else "rs" if place > 0.99 else "ms"
            self.words(x + place * width, y + 22, text, 11, HINT, anchor=anchor)

    def png(self) -> bytes:
        """The sheet as a PNG with as many colours as its bytes allow."""
        whole = self.image.crop((0, 0, WIDTH, min(TALLEST, round(self.end) + MARGIN)))
        coded = b""
        for colors in FEWER_COLORS:
            coded = _png(whole, colors)
            if len(coded) <= MOST_BYTES:
                break
        return coded

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
    palette, paper = fewer.getpalette(), fewer.getpixel((0, 0))
    palette[3 * paper : 3 * paper + 3] = [255] * 3  # merged with light greys it is no white
    fewer.putpalette(palette)
    out = io.BytesIO()
    fewer.save(out, "PNG", compress_level=6)
    return out.getvalue()
