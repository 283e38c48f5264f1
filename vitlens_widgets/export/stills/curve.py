"""Curves over one axis, each with its name and a number beside it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vitlens_widgets.export.stills.sheet import Sheet, Ticks
from vitlens_widgets.export.stills.words import GREY, HINT, INK, LINE, Word

AXIS = 40  # px that the numbers of the vertical axis take
BELOW = 20  # px of the horizontal axis


@dataclass(frozen=True)
class Curve:
    """One curve.

    Attributes:
        name: What it is.
        x: Places 0..1, `[point]`.
        y: Places 0..1 from the bottom, `[point]`; NaN where it is not known.
        color: `"#rrggbb"`.
        dash: Pixels drawn and pixels of a period; None for a solid line.
        number: Said of it.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    color: str
    dash: tuple[int, int] | None = None
    number: str = ""


def curves(
    sheet: Sheet, many: Sequence[Curve], at: tuple[float, float], size: tuple[float, float],
    x_ticks: Ticks, y_ticks: Ticks,
) -> float:  # fmt: skip
    """Draws curves under each other's names; returns where they end.

    Args:
        sheet: To draw on.
        many: The first is drawn last, over the others.
        at: Where it begins, the numbers of the vertical axis among it.
        size: Its width, and the height of the lines alone.
        x_ticks: Of the horizontal axis, `(place 0..1, text)`.
        y_ticks: Of the vertical axis.
    """
    (x, top), (width, height) = at, size
    left, across = x + AXIS, width - AXIS - 4
    for place, text in y_ticks:
        line = top + height * (1 - place)
        sheet.box(left, line, across, 1, LINE)
        sheet.words(left - 6, line + 4, text, 11, HINT, anchor="rs")
    sheet.ticks(left, top + height + 16, across, x_ticks)
    base = top + height + BELOW
    for curve in reversed(many):
        known = np.isfinite(curve.y)
        points = np.stack([left + curve.x * across, top + height * (1 - curve.y)], 1)[known]
        polyline(sheet, points, curve.color, curve.dash)
    for curve in many:
        base += 18
        polyline(sheet, np.array([[x, base - 4], [x + 24, base - 4]]), curve.color, curve.dash)
        words = [Word(curve.name, GREY, is_name=True), Word(curve.number, INK, bold=True)]
        sheet.line(x + 32, base, words, width - 32)
    return base


def polyline(sheet: Sheet, points: np.ndarray, color: str, dash: tuple[int, int] | None) -> None:
    """A line through `[point, 2]`, solid or in dashes that run on around its corners."""
    if len(points) < 2:
        return
    if dash is None:
        sheet.pen.line([tuple(point) for point in points.tolist()], color, 2, joint="curve")
        return
    lengths = np.hypot(*np.diff(points, axis=0).T)
    run = np.concatenate([[0], np.cumsum(lengths)])
    for start in np.arange(0, run[-1], dash[1]):
        stop = min(start + dash[0], run[-1])
        corners = run[(run > start) & (run < stop)]
        along = np.concatenate([[start], corners, [stop]])
        ends = [tuple(np.interp(s, run, axis) for axis in points.T) for s in along]
        for pair in itertools.pairwise(ends):
            sheet.pen.line(pair, color, 2)
