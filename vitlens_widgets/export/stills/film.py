"""A film: panels side by side, in as many rows as it takes, with words under each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from vitlens_widgets.export.stills.fonts import font, written
from vitlens_widgets.export.stills.panel import Legend, Panel
from vitlens_widgets.export.stills.paper import ACCENT, INK, above, axis, beside, blank, words
from vitlens_widgets.export.stills.piece import Frame, Piece, Pixels, Placed
from vitlens_widgets.export.stills.scales import ColorScale

GAP, BAR, SWATCH = 10, 8, 11  # px
FEW, SMALL, SMALLER = 16, 98, 66  # up to so many panels are so wide at least; more, so wide


def film(width: int, panels: Sequence[Panel], largest: int = 150) -> Piece:
    """Panels of one size, in rows as even as can be.

    Args:
        width: Room for them, in pixels.
        panels: In their order.
        largest: Width of a panel at most.
    """
    count, smallest = len(panels), SMALL if len(panels) <= FEW else SMALLER
    columns = max(1, min(count, (width + GAP) // (smallest + GAP)))
    columns = -(-count // -(-count // columns))
    room = max(1, min((width + GAP) // columns - GAP, largest))
    parts = [with_words(panel, room) for panel in panels]
    rows = [parts[start : start + columns] for start in range(0, count, columns)]
    return above(*(beside(row, GAP) for row in rows), gap=GAP)


def with_words(panel: Panel, room: int) -> Piece:
    """A panel, its words and its legend."""
    image, color = panel.drawn(room), ACCENT if panel.is_chosen else INK
    is_wide = image.width > 0.6 * room
    how: dict[str, Any] = {"width": image.width if is_wide else room, "centered": is_wide}
    name = [words(panel.name, color=color, bold=panel.is_chosen, **how)] if panel.name else []
    lines = [blank(room, 2), *name, *(words(note, **how) for note in panel.notes)]
    if panel.legend:
        width = image.width if isinstance(panel.legend, ColorScale) else room
        lines.append(legend(panel.legend, width, is_blended=panel.picture is not None))
    return above(image, *lines)


def legend(of: Legend, width: int, *, is_blended: bool) -> Piece:
    """A scale with its numbers, or classes with their colours."""
    if isinstance(of, ColorScale):
        return _ramp(of.ramp(is_blended), of.ticks, width)
    return _keys(of, width)


def _ramp(colors: np.ndarray, ticks: Sequence[tuple[float, str]], width: int) -> Piece:
    """A colour map, `[256, 3]`, with its numbers."""
    whole = Image.fromarray(colors[None])

    def made(across: int, down: int) -> Image.Image:
        return whole.resize((across, down), Image.Resampling.NEAREST)

    bar = Pixels(width, BAR, made)
    return above(blank(1, 4), blank(width, BAR).with_parts(Placed(0, 0, bar)), axis(width, ticks))


def _keys(classes: Sequence[tuple[str, np.ndarray]], room: int) -> Piece:
    """Classes with their colours, in lines."""
    lines: list[list[Piece]] = [[]]
    for text, color in classes:
        swatch = blank(SWATCH, SWATCH).with_parts(
            Placed(0, 0, Frame(SWATCH, SWATCH, _hex(color), SWATCH / 2))
        )
        name = words(text, font(12).getlength(written(text, room - 30)) + 12)
        key = beside([above(blank(1, 3), swatch), name], 6)
        if sum(one.width for one in lines[-1]) + key.width > room:
            lines.append([])
        lines[-1].append(key)
    return above(blank(1, 4), *(beside(line) for line in lines if line))


def _hex(color: np.ndarray) -> str:
    return "#{:02x}{:02x}{:02x}".format(*color.tolist())
