"""A piece: a drawing kept as what it is made of, so that letters stay letters in an SVG or a PDF.

Lengths are in units: a still picture has a pixel for each, a figure as many as its resolution asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from PIL import Image

from vitlens_widgets.export.stills.fonts import font

Point = tuple[float, float]


class Pixels(NamedTuple):
    """A picture, made for as many pixels `(width, height)` as it shall have.

    Where it is transparent (RGBA), what lies under it is seen; `opacity` makes all of it fainter.
    """

    width: float
    height: float
    made: Callable[[int, int], Image.Image]
    opacity: float = 1.0

    def at(self, scale: float) -> Image.Image:
        """The picture with so many pixels for a unit, not fainter yet."""
        return self.made(max(1, round(self.width * scale)), max(1, round(self.height * scale)))


class Letters(NamedTuple):
    """One line of text.

    `anchor` says where its place is: at its left ("l"), middle ("m") or right ("r"), and always
    halfway up. `halo` is the colour of a line around each letter.
    """

    text: str
    size: int
    color: str
    bold: bool = False
    anchor: Literal["l", "m", "r"] = "l"
    halo: str = ""

    @property
    def shift(self) -> float:
        """How far the line that letters stand on is below their place."""
        above, below = font(self.size, self.bold).getmetrics()
        return (above - below) / 2


class Stroke(NamedTuple):
    """A line through points."""

    points: Sequence[Point]
    color: str
    width: float = 1


class Frame(NamedTuple):
    """A rectangle's outline; the line lies inside of width and height."""

    width: float
    height: float
    color: str
    line: float = 1


Item = Pixels | Letters | Stroke | Frame


class Placed(NamedTuple):
    """A part of a piece, from its left and upper edge."""

    x: float
    y: float
    what: Item | Piece


@dataclass(frozen=True)
class Piece:
    """White paper with parts on it, the later over the earlier ones.

    Attributes:
        width: In units.
        height: In units.
        parts: What is on it.
        clips: Nothing is drawn beyond its edges.
    """

    width: int
    height: int
    parts: Sequence[Placed] = ()
    clips: bool = False

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.width, self.height

    def with_parts(self, *more: Placed) -> Piece:
        """The piece with more on it."""
        return Piece(self.width, self.height, [*self.parts, *more], self.clips)

    def items(self) -> Iterator[Item]:
        """All that is drawn, wherever it is."""
        for part in self.parts:
            if isinstance(part.what, Piece):
                yield from part.what.items()
            else:
                yield part.what
