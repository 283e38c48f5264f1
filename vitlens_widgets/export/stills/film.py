"""A film: pictures side by side, in as many rows as it takes, with words under each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL import Image

from vitlens_widgets.export.stills.sheet import Sheet
from vitlens_widgets.export.stills.words import ACCENT, INK, Word

GAP, LINE = 10, 16  # px


@dataclass(frozen=True)
class Panel:
    """A picture of a film.

    Attributes:
        draw: Draws it, no wider than so many pixels; those of one film have one size.
        name: Such as "3_pre".
        notes: Lines under the name.
        is_chosen: It is the one that the widget shows.
    """

    draw: Callable[[int], Image.Image]
    name: str
    notes: Sequence[Sequence[Word]] = ()
    is_chosen: bool = False


def film(
    sheet: Sheet,
    panels: Sequence[Panel],
    at: tuple[float, float],
    width: float,
    most: int,
    largest: int = 150,
) -> tuple[float, list[float]]:
    """Draws a film, its rows as even as can be.

    Args:
        sheet: To draw on.
        panels: In their order.
        at: Where it begins.
        width: Its room.
        most: Panels in a row.
        largest: Width of a panel.

    Returns:
        Where it ends, and the middle of each panel.
    """
    (left, top), n_rows = at, -(-len(panels) // most)
    n_columns = -(-len(panels) // n_rows)
    room = max(1, min(largest, int((width + GAP) // n_columns) - GAP))
    pictures = [panel.draw(room) for panel in panels]
    size = pictures[0].size
    step = min((width + GAP) / n_columns, size[0] * 1.3 + GAP)  # few do not stand far apart
    down = size[1] + (2 + max(len(panel.notes) for panel in panels)) * LINE + 6
    places = [
        (left + i % n_columns * step, top + i // n_columns * down) for i in range(len(panels))
    ]
    for panel, picture, place in zip(panels, pictures, places, strict=True):
        _panel(sheet, panel, picture, place, min(step - 4, size[0] + 2 * GAP))
    return top + n_rows * down, [x + size[0] / 2 for x, _ in places]


def _panel(
    sheet: Sheet, panel: Panel, picture: Image.Image, at: tuple[float, float], room: float
) -> None:
    """A panel, its words in the middle of so much room."""
    (x, y), (width, height) = at, picture.size
    sheet.put(picture, x, y)
    if panel.is_chosen:
        sheet.ring(x, y, width, height)
    name = Word(panel.name, ACCENT if panel.is_chosen else INK, panel.is_chosen, is_name=True)
    for line, words in enumerate([[name], *panel.notes]):
        base = y + height + 2 + LINE * (line + 1)
        sheet.line(x + (width - room) / 2, base, words, room, centered=True)
