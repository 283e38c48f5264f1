"""What all still pictures share: words, and pieces put beside and above each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vitlens_widgets.export.stills.fonts import font, written
from vitlens_widgets.export.stills.piece import Frame, Letters, Piece, Placed

INK, GREY, LINE, PAPER, ACCENT = "#1b1b1b", "#5d5d5d", "#d8d8d8", "#ffffff", "#0b62d6"
Ticks = Sequence[tuple[float, str]]


def blank(width: float, height: float) -> Piece:
    """White paper."""
    return Piece(max(1, round(width)), max(1, round(height)))


def words(
    text: str, width: float, size: int = 12, color: str = GREY, *, bold: bool = False,
    height: int = 16, centered: bool = False,
) -> Piece:  # fmt: skip
    """One line in the middle of so much room, cut to fit."""
    text = written(text, width, size, bold)
    letters = Letters(text, size, color, bold, "m" if centered else "l")
    return blank(width, height).with_parts(
        Placed(width / 2 if centered else 0, height / 2, letters)
    )


def beside(pieces: Sequence[Piece], gap: int = 0) -> Piece:
    """Pieces side by side, their tops in one line."""
    placed: list[Placed] = []
    x = 0
    for piece in pieces:
        placed.append(Placed(x, 0, piece))
        x += piece.width + gap
    return Piece(max(1, x - gap), max(piece.height for piece in pieces), placed)


def above(*pieces: Piece, gap: int = 0) -> Piece:
    """Pieces under each other, their left edges in one line."""
    placed: list[Placed] = []
    y = 0
    for piece in pieces:
        placed.append(Placed(0, y, piece))
        y += piece.height + gap
    return Piece(max(piece.width for piece in pieces), max(1, y - gap), placed)


def ring(x: float, y: float, width: float, height: float) -> Iterator[Placed]:
    """Marks what is pinned or chosen: a blue line around it between two white ones."""
    for out, color, line in ((2, PAPER, 1), (1, ACCENT, 2), (-1, PAPER, 1)):
        yield Placed(x - out, y - out, Frame(width + 2 * out, height + 2 * out, color, line))


def axis(width: int, ticks: Ticks) -> Piece:
    """Numbers under an axis, without those that would touch another; the ends come first."""
    face = font(11)
    taken: list[tuple[float, float]] = []
    line: list[Placed] = []
    for place, text in [*ticks[:1], *ticks[:0:-1]]:
        room = face.getlength(text)
        left = min(max(0, place * width - room / 2), width - room)
        if all(left > end + 4 or left + room < at - 4 for at, end in taken):
            taken.append((left, left + room))
            line.append(Placed(left, 8, Letters(text, 11, GREY)))
    return blank(width, 16).with_parts(*line)
