"""Pieces as pixels."""

from __future__ import annotations

from typing import Any

from PIL import Image, ImageDraw

from vitlens_widgets.export.stills.fonts import faint, font
from vitlens_widgets.export.stills.piece import Frame, Letters, Piece, Pixels, Stroke

WHITE = "#ffffff"


def painted(piece: Piece, scale: float = 1.0) -> Image.Image:
    """A piece as a picture, `scale` pixels for each of its units."""
    size = (max(1, round(piece.width * scale)), max(1, round(piece.height * scale)))
    image = Image.new("RGB", size, WHITE)
    _paint(image, piece, 0, 0, scale)
    return image


def _paint(image: Image.Image, piece: Piece, x: float, y: float, scale: float) -> None:
    """Paints a piece's parts, its own corner at `(x, y)` pixels."""
    for part in piece.parts:
        left, top, what = x + part.x * scale, y + part.y * scale, part.what
        pen = ImageDraw.Draw(image)
        if isinstance(what, Piece) and not what.clips:
            _paint(image, what, left, top, scale)
        elif isinstance(what, Piece):
            image.paste(painted(what, scale), (round(left), round(top)))
        elif isinstance(what, Pixels):
            picture = faint(what.at(scale), what.opacity)
            mask = picture if picture.mode == "RGBA" else None
            image.paste(picture, (round(left), round(top)), mask)
        elif isinstance(what, Letters):
            _write(pen, what, left, top, scale)
        elif isinstance(what, Stroke):
            points = [(left + scale * px, top + scale * py) for px, py in what.points]
            pen.line(points, what.color, max(1, round(what.width * scale)), joint="curve")
        else:
            _frame(pen, what, left, top, scale)


def _write(pen: ImageDraw.ImageDraw, what: Letters, x: float, y: float, scale: float) -> None:
    face = font(max(1, round(what.size * scale)), what.bold)
    halo: dict[str, Any] = {}
    if what.halo:
        halo = {"stroke_width": max(1, round(scale)), "stroke_fill": what.halo}
    pen.text((x, y), what.text, what.color, face, anchor=f"{what.anchor}m", **halo)


def _frame(pen: ImageDraw.ImageDraw, what: Frame, x: float, y: float, scale: float) -> None:
    right, bottom = x + what.width * scale - 1, y + what.height * scale - 1
    if x <= right and y <= bottom:
        line = max(1, round(what.line * scale))
        pen.rectangle((x, y, right, bottom), outline=what.color, width=line)
