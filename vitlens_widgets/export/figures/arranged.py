"""Where the panels of a figure stand: in columns, a row or more for each widget, legends below."""

from __future__ import annotations

from collections.abc import Sequence

from vitlens_widgets.errors import UsageError
from vitlens_widgets.export.figures.parts import FigurePart, FigureRow
from vitlens_widgets.export.stills.film import GAP, legend, with_words
from vitlens_widgets.export.stills.panel import Legend, Panel
from vitlens_widgets.export.stills.paper import above, beside, words
from vitlens_widgets.export.stills.piece import Piece
from vitlens_widgets.export.stills.scales import ColorScale

SMALL, SMALLEST = 98, 20  # units: what a panel has by default, and must have
RAMP = 240  # units: a scale is not longer


def arranged(width: int, rows: Sequence[FigureRow], columns: int | None) -> Piece:
    """A figure.

    Args:
        width: In units.
        rows: What was chosen of each widget.
        columns: Panels side by side; default: of one widget as many as are well seen, of several
            all that were chosen.

    Raises:
        UsageError: The panels would be too narrow.
    """
    most = max(len(row.parts) for row in rows)
    columns = min(columns or (most if len(rows) > 1 else _even(width, most)), most)
    room = (width + GAP) // columns - GAP
    if room < SMALLEST:
        raise UsageError(
            f"{columns} panels side by side would be too narrow to be seen; give fewer columns= "
            "or panels=, or a larger width_mm=."
        )
    share_legend = all(_is_same(row.legend, rows[0].legend) for row in rows)
    lines: list[Piece] = []
    for row in rows:
        cells = [_cell(part, room) for part in row.parts]
        lines += [
            beside(cells[start : start + columns], GAP) for start in range(0, len(cells), columns)
        ]
        if not share_legend:
            lines += _legend(row, width)
    lines += _legend(rows[0], width) if share_legend else []
    whole = above(*lines, gap=GAP)
    return Piece(width, whole.height, whole.parts)


def _even(width: int, count: int) -> int:
    """Columns of rows as even as can be."""
    columns = max(1, min(count, (width + GAP) // (SMALL + GAP)))
    return -(-count // -(-count // columns))


def _cell(part: FigurePart, room: int) -> Piece:
    piece = with_words(part, room) if isinstance(part, Panel) else part(room)
    return Piece(room, piece.height, piece.parts)


def _is_same(one: Legend, other: Legend) -> bool:
    if isinstance(one, ColorScale) or isinstance(other, ColorScale):
        return one == other
    pairs = zip(one, other, strict=False)
    return len(one) == len(other) and all(
        a == b and (of_a == of_b).all() for (a, of_a), (b, of_b) in pairs
    )


def _legend(row: FigureRow, width: int) -> list[Piece]:
    if not row.legend:
        return []
    room = min(width, RAMP) if isinstance(row.legend, ColorScale) else width
    title = [words(row.title, width)] if row.title else []
    return [above(*title, legend(row.legend, room, is_blended=True))]
