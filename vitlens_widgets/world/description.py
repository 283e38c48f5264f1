"""What a scene shows, in a few words: of each thing its colour, size and place; what is behind."""

from __future__ import annotations

import colorsys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Any, TypeVar

from vitlens_widgets.world.composition import Composition, Pose
from vitlens_widgets.world.drawings.backgrounds import Background
from vitlens_widgets.world.drawings.shapes import Color
from vitlens_widgets.world.labels import CLASSES

HUES = (
    (0.03, "red"),
    (0.105, "orange"),
    (0.19, "yellow"),
    (0.42, "green"),
    (0.51, "turquoise"),
    (0.70, "blue"),
    (0.82, "purple"),
    (0.95, "pink"),
    (1.0, "red"),
)
"""Up to which hue, in turns, a colour has which name."""

THING_COLORS = (*dict.fromkeys(name for _, name in HUES), "brown")
COLORS = (*THING_COLORS, "grey")
SHADES = ("dark", "pale")
SIZES = ("small", "medium", "large")
PLACES = (
    *("top left", "top", "top right"),
    *("left", "middle", "right"),
    *("bottom left", "bottom", "bottom right"),
)
"""Row by row."""

_BROWN_BELOW = 0.75  # the value of a dark orange
_GREY_BELOW = 0.2  # saturation
_DARK_BELOW, _PALE_BELOW = 0.65, 0.45  # value; saturation
_SMALL_BELOW, _LARGE_ABOVE = 0.23, 0.35  # half the height, in shorter sides
_SIDE, _OTHER_SIDE = 0.4, 0.6  # what lies between is the middle
_SEEN = 40  # distance of two colours, in RGB, from which on a pattern shows


@dataclass(frozen=True, slots=True)
class ColorName:
    """A colour in words.

    Attributes:
        name: One of `COLORS`.
        shade: One of `SHADES`, or "" where it is neither.
    """

    name: str
    shade: str = ""


@dataclass(frozen=True, slots=True)
class Thing:
    """A thing of a scene in words: its class, its colour, its size and its place."""

    name: str
    color: ColorName
    size: str
    place: str


FACTS: dict[str, tuple[str, ...]] = {
    "name": tuple(CLASSES),
    "color": THING_COLORS,
    "place": PLACES,
    "size": SIZES,
}
"""What is told of a thing, by its name in `Thing`, and what it can be."""


def fact(thing: Thing, what: str) -> str:
    """One of the `FACTS` of a thing; of its colour the name alone."""
    return thing.color.name if what == "color" else getattr(thing, what)


def with_fact(thing: Thing, what: str, value: str) -> Thing:
    """The thing with another fact; a colour keeps its shade."""
    changed: Any = replace(thing.color, name=value) if what == "color" else value
    return replace(thing, **{what: changed})


@dataclass(frozen=True, slots=True)
class Description:
    """What a scene shows.

    Attributes:
        things: In the order of its names.
        colors: What is behind them: one colour, or the two of a pattern that shows.
        pattern: Its kind, such as "stripes"; "flat" where no pattern shows.
    """

    things: tuple[Thing, ...]
    colors: tuple[ColorName, ...]
    pattern: str


NOTHING = Description((), (), "flat")

Part = TypeVar("Part", ColorName, Thing)


def holds(told: Description, shown: Description) -> bool:
    """Whether what is told is true of what is shown; "" and no colours tell nothing.

    More may be shown than is told. Each order of few things is tried.
    """
    if not told.things and shown.things:  # "nothing"
        return False
    if told.pattern not in ("", shown.pattern):
        return False
    if told.colors and len(told.colors) != len(shown.colors):  # all that are behind are told
        return False
    return _each(_color_holds, told.colors, shown.colors) and _each(
        _thing_holds, told.things, shown.things
    )


def _each(fits: Callable[[Part, Part], bool], told: Sequence[Part], shown: Sequence[Part]) -> bool:
    """Whether each that is told can be one of those shown, no two the same."""
    return any(all(map(fits, told, some)) for some in permutations(shown, len(told)))


def _color_holds(told: ColorName, shown: ColorName) -> bool:
    return told.name in ("", shown.name) and told.shade in ("", shown.shade)


def _thing_holds(told: Thing, shown: Thing) -> bool:
    return (
        told.name == shown.name
        and told.size in ("", shown.size)
        and told.place in ("", shown.place)
        and _color_holds(told.color, shown.color)
    )


def named_color(color: Color) -> ColorName:
    """The name of a colour, red, green and blue from 0 to 255.

    Names are those of sectors of the hue, in HSV; a dark orange is brown, and what has next to no
    saturation is grey.
    """
    hue, saturation, value = colorsys.rgb_to_hsv(*(channel / 255 for channel in color))
    dark = "dark" if value < _DARK_BELOW else ""
    if saturation < _GREY_BELOW:
        return ColorName("grey", dark)
    name = next(name for upto, name in HUES if hue <= upto)
    if name == "orange" and value < _BROWN_BELOW:
        return ColorName("brown", dark)
    return ColorName(name, dark or ("pale" if saturation < _PALE_BELOW else ""))


def described(composition: Composition, extent: tuple[float, float]) -> Description:
    """What a composition shows on `extent` = (width, height) units of its shorter side."""
    things = tuple(
        Thing(name, named_color(color), _size(pose), _place(pose, extent))
        for name, color, pose in zip(
            composition.names, composition.colors, composition.poses, strict=True
        )
    )
    return Description(things, *_behind(composition.background))


def _size(pose: Pose) -> str:
    if pose.scale < _SMALL_BELOW:
        return "small"
    return "large" if pose.scale > _LARGE_ABOVE else "medium"


def _place(pose: Pose, extent: tuple[float, float]) -> str:
    """Which ninth of the picture its centre is in; those in the middle are a little smaller."""
    column, row = (
        int(at / side >= _SIDE) + int(at / side > _OTHER_SIDE)
        for at, side in zip((pose.x, pose.y), extent, strict=True)
    )
    return PLACES[3 * row + column]


def _behind(background: Background) -> tuple[tuple[ColorName, ...], str]:
    """Colours and pattern of what is behind."""
    first, second = background.first, background.second
    apart = sum((a - b) ** 2 for a, b in zip(first, second, strict=True)) ** 0.5
    if background.kind == "flat" or apart < _SEEN:
        return (named_color(first),), "flat"
    return tuple(dict.fromkeys((named_color(first), named_color(second)))), background.kind
