"""Curves over one axis, their names below."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from vitlens_widgets.export.stills.paper import GREY, LINE, Ticks, above, axis, beside, blank, words
from vitlens_widgets.export.stills.piece import Letters, Piece, Placed, Point, Stroke
from vitlens_widgets.export.stills.scales import number

AXIS, HEIGHT = 46, 130  # px: of the numbers of the vertical axis; of the lines


@dataclass(frozen=True)
class Curve:
    """One curve.

    Attributes:
        name: What it is.
        x: Places 0..1, `[point]`.
        y: Numbers, `[point]`; NaN where they are not known.
        color: `"#rrggbb"`.
        dash: Pixels drawn and pixels of a period; None for a solid line.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    color: str
    dash: tuple[int, int] | None = None


def curves(
    width: int, many: Sequence[Curve], ticks: Ticks, end: float = 1.0, start: float = 0.0
) -> Piece:
    """Curves that share their axes.

    Args:
        width: Room for them, in pixels.
        many: The first is drawn last, over the others.
        ticks: Of the horizontal axis, `(place 0..1, text)`.
        end: The largest number of the vertical axis.
        start: The smallest.
    """
    across, plot = width - AXIS - 4, blank(width, HEIGHT + 12)
    for share in (0, 0.5, 1):
        y = 6 + HEIGHT * (1 - share)
        tick = start + share * (end - start)
        numbers = Letters(number(tick, 2).replace("-", "−"), 11, GREY, anchor="r")
        line = Stroke([(AXIS, y), (AXIS + across, y)], LINE)
        plot = plot.with_parts(Placed(0, 0, line), Placed(AXIS - 6, y, numbers))
    for curve in reversed(many):
        down = 6 + HEIGHT * (end - curve.y) / (end - start)
        points = np.stack([AXIS + curve.x * across, down], 1)
        plot = plot.with_parts(*_line(points[np.isfinite(curve.y)], curve))
    keys: list[Piece] = []
    for curve in many:
        line = _line(np.array([[AXIS, 9], [AXIS + 24, 9]]), curve)
        key = blank(AXIS + 32, 18).with_parts(*line)
        keys.append(beside([key, words(curve.name, across - 32, height=18)]))
    return above(plot, beside([blank(AXIS, 16), axis(across, ticks)]), *keys)


def _line(points: np.ndarray, curve: Curve) -> Iterator[Placed]:
    """A line through `[point, 2]`, solid or in dashes."""
    if curve.dash is None or len(points) < 2:
        if len(points):
            yield Placed(0, 0, _stroke(points, curve))
        return
    run = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    for start in np.arange(0, float(run[-1]), curve.dash[1]):
        dash = [float(start), min(float(start) + curve.dash[0], float(run[-1]))]
        both = [cast("np.ndarray", np.interp(dash, run, axis)) for axis in points.T]
        yield Placed(0, 0, _stroke(np.stack(both, 1), curve))


def _stroke(points: np.ndarray, curve: Curve) -> Stroke:
    through: list[Point] = [(float(x), float(y)) for x, y in points]
    return Stroke(through, curve.color, 2)
