"""A sheet: a title and rows of pictures, as the PNG that a notebook keeps."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from vitlens_widgets.export.stills.fonts import font
from vitlens_widgets.export.stills.painting import painted
from vitlens_widgets.export.stills.paper import INK, above, beside, blank, words
from vitlens_widgets.export.stills.piece import Piece, Placed

WIDTH, MARGIN, GAP = 1000, 20, 24
INSIDE = WIDTH - 2 * MARGIN
MOST_BYTES = 150_000
"""What a picture should weigh at most; colours are merged until it does."""
FEWER_COLORS = (256, 128, 64, 24)


def shares(*parts: float) -> list[int]:
    """Widths of what stands side by side, in pixels, from their shares."""
    room = INSIDE - GAP * (len(parts) - 1)
    return [int(room * part / sum(parts)) for part in parts]


def captioned(caption: str, picture: Piece) -> Piece:
    """A picture under a line that says what it is."""
    return above(words(caption, picture.width, height=20), picture)


def sheet(title: str, subtitle: str, lines: Sequence[str], *rows: Sequence[Piece]) -> Piece:
    """A title, of which model, lines on what is chosen, and rows of pictures; empty ones go."""
    name = words(title, font(16, True).getlength(title) + 1, 16, INK, bold=True, height=22)
    of = words(subtitle, INSIDE - name.width - 10, 13, height=24)
    text = [words(line, INSIDE, 13, height=20) for line in lines if line]
    below = [above(blank(1, 12), beside(row, GAP)) for row in rows if row]
    inside = above(beside([name, of], 10), *text, *below)
    whole = blank(WIDTH, inside.height + 2 * MARGIN)
    return whole.with_parts(Placed(MARGIN, MARGIN, inside))


def png(piece: Piece) -> bytes:
    """A sheet as a PNG with as many colours as its bytes allow."""
    image, coded = painted(piece).convert("RGB"), b""
    half = (max(1, image.width // 2), max(1, image.height // 2))
    small = image.resize(half, Image.Resampling.NEAREST)
    for colors in FEWER_COLORS:
        # Small things of a colour of their own keep it: a nose, the ends of a scale. Colours are
        # found on every other pixel, in a quarter of the time.
        kept = small.quantize(colors, Image.Quantize.MAXCOVERAGE, 1, dither=Image.Dither.NONE)
        fewer = image.quantize(colors, palette=kept, dither=Image.Dither.NONE)
        paper = int(np.asarray(fewer)[0, 0])
        palette = np.array(fewer.getpalette(), np.uint8)
        palette[3 * paper : 3 * paper + 3] = 255  # merged with light greys it is no white
        fewer.putpalette(palette.tobytes())
        out = io.BytesIO()
        fewer.save(out, "PNG", compress_level=6)
        coded = out.getvalue()
        if len(coded) <= MOST_BYTES:
            break
    return coded
