"""A film: pictures side by side, in as many rows as it takes, with words under each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from vitlens_widgets.export.stills.sheet import Sheet
from vitlens_widgets.export.stills.words import ACCENT, INK, Word

GAP, LINE = 10, 16  # px


@dataclass(frozen=True)
class Panel:
    """A picture of a film.

    Attributes:
        picture: As it is drawn; those of one film have one size.
        name: Such as "3_pre".
        notes: Lines under the name.
        is_chosen: It is the one that the widget shows.
    """

    picture: Image.Image
    name: str
    notes: Sequence[Sequence[Word]] = ()
    is_chosen: bool = False


def columns(count: int, most: int) -> int:
    """How many of `count` panels stand in a row of at most `most`: rows are as even as can be."""
    rows = -(-count // most)
    return max(1, -(-count // rows))


def room(n_columns: int, width: float, largest: int) -> int:
    """Pixels that each panel may be wide."""
    return max(1, min(largest, int((width - GAP * (n_columns - 1)) // n_columns)))


def step(n_columns: int, width: float, panel: int) -> float:
    """Pixels from panel to panel: they fill a row, unless they would stand far apart."""
    return min((width + GAP) / n_columns, panel * 1.3 + GAP)


def film(
    sheet: Sheet, panels: Sequence[Panel], at: tuple[float, float], width: float, n_columns: int
) -> float:
    """Draws a film; returns where it ends.

    Args:
        sheet: To draw on.
        panels: In their order.
        at: Where it begins.
        width: Its room.
        n_columns: Panels in a row.
    """
    (left, top), picture = at, panels[0].picture
    most_notes = max(len(panel.notes) for panel in panels)
    across = step(n_columns, width, picture.width)
    down = picture.height + (2 + most_notes) * LINE + 6
    for i, panel in enumerate(panels):
        where = (left + i % n_columns * across, top + i // n_columns * down)
        _panel(sheet, panel, where, min(across - 4, picture.width + 2 * GAP))
    return top + (-(-len(panels) // n_columns)) * down


def _panel(sheet: Sheet, panel: Panel, at: tuple[float, float], room_of_words: float) -> None:
    (x, y), (width, height) = at, panel.picture.size
    sheet.put(panel.picture, x, y)
    if panel.is_chosen:
        sheet.ring(x, y, width, height)
    name = Word(panel.name, ACCENT if panel.is_chosen else INK, panel.is_chosen, is_name=True)
    left = x + (width - room_of_words) / 2
    for line, words in enumerate([[name], *panel.notes]):
        base = y + height + 2 + LINE * (line + 1)
        sheet.line(left, base, words, room_of_words, centered=True)
