"""What all still pictures share: words, and pictures put beside and above each other."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw

from vitlens_widgets.export.stills.fonts import font, written

INK, GREY, LINE, PAPER, ACCENT = "#1b1b1b", "#5d5d5d", "#d8d8d8", "#ffffff", "#0b62d6"
Ticks = Sequence[tuple[float, str]]


def blank(width: float, height: float) -> Image.Image:
    """White paper."""
    return Image.new("RGB", (max(1, round(width)), max(1, round(height))), PAPER)


def words(
    text: str, width: float, size: int = 12, color: str = GREY, *, bold: bool = False,
    height: int = 16, centered: bool = False,
) -> Image.Image:  # fmt: skip
    """One line in the middle of so much room, cut to fit."""
    line, at = blank(width, height), (width / 2 if centered else 0, height / 2)
    text, anchor = written(text, width, size, bold), "mm" if centered else "lm"
    ImageDraw.Draw(line).text(at, text, color, font(size, bold), anchor=anchor)
    return line


def beside(pictures: Sequence[Image.Image], gap: int = 0) -> Image.Image:
    """Pictures side by side, their tops in one line."""
    width = sum(picture.width + gap for picture in pictures) - gap
    whole, x = blank(width, max(picture.height for picture in pictures)), 0
    for picture in pictures:
        whole.paste(picture, (x, 0))
        x += picture.width + gap
    return whole


def above(*pictures: Image.Image, gap: int = 0) -> Image.Image:
    """Pictures under each other, their left edges in one line."""
    turned = [picture.transpose(Image.Transpose.TRANSPOSE) for picture in pictures]
    return beside(turned, gap).transpose(Image.Transpose.TRANSPOSE)


def ring(image: Image.Image, x: float, y: float, width: float, height: float) -> None:
    """Marks what is pinned or chosen: a blue line around it between two white ones."""
    for out, color, line in ((2, PAPER, 1), (1, ACCENT, 2), (-1, PAPER, 1)):
        edges = (x - out, y - out, x + width + out - 1, y + height + out - 1)
        if edges[0] <= edges[2] and edges[1] <= edges[3]:
            ImageDraw.Draw(image).rectangle(edges, outline=color, width=line)


def axis(width: int, ticks: Ticks) -> Image.Image:
    """Numbers under an axis, without those that would touch another; the ends come first."""
    line, face = blank(width, 16), font(11)
    taken: list[tuple[float, float]] = []
    for place, text in [*ticks[:1], *ticks[:0:-1]]:
        room = face.getlength(text)
        left = min(max(0, place * width - room / 2), width - room)
        if all(left > end + 4 or left + room < at - 4 for at, end in taken):
            taken.append((left, left + room))
            ImageDraw.Draw(line).text((left, 8), text, GREY, face, anchor="lm")
    return line
