"""Changes of one thing in a scene, made before it is painted."""

from __future__ import annotations

import colorsys
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from vitlens_widgets.world.composition import Composition, Pose, drawn_thing
from vitlens_widgets.world.drawings.shapes import Color, Parts, hsv
from vitlens_widgets.world.labels import CLASSES

T = TypeVar("T")


@dataclass(frozen=True)
class Change(ABC):
    """A change of one thing.

    Args:
        thing: Which: its place among the names of the scene as it is before the change.
    """

    thing: int

    @abstractmethod
    def made(self, composition: Composition) -> Composition:
        """The composition with the change in it; everything else in it is the same."""


@dataclass(frozen=True)
class Removed(Change):
    """The thing is gone."""

    def made(self, composition: Composition) -> Composition:
        """See `Change.made`."""
        at, after = self.thing, self.thing + 1
        return replace(
            composition,
            things=composition.things[:at] + composition.things[after:],
            names=composition.names[:at] + composition.names[after:],
            poses=composition.poses[:at] + composition.poses[after:],
            colors=composition.colors[:at] + composition.colors[after:],
        )


@dataclass(frozen=True)
class Recoloured(Change):
    """Every colour of the thing has its hue turned."""

    turn: float

    def made(self, composition: Composition) -> Composition:
        """See `Change.made`."""
        parts = composition.things[self.thing]
        turned = [(one, _turned(color, self.turn), name) for one, color, name in parts]
        color = _turned(composition.colors[self.thing], self.turn)
        return _with(composition, self.thing, turned, color=color)


@dataclass(frozen=True)
class Moved(Change):
    """The thing stands elsewhere, `right` and `down` in units of the shorter side."""

    right: float
    down: float

    def made(self, composition: Composition) -> Composition:
        """See `Change.made`."""
        by = np.array([self.right, self.down])
        was = composition.things[self.thing]
        parts = [(one + by, color, name) for one, color, name in was]
        old = composition.poses[self.thing]
        pose = replace(old, x=old.x + self.right, y=old.y + self.down)
        return _with(composition, self.thing, parts, pose=pose)


@dataclass(frozen=True)
class Swapped(Change):
    """Another thing stands in its place, as large and turned alike; `seed` draws it."""

    name: str
    seed: int

    def made(self, composition: Composition) -> Composition:
        """See `Change.made`."""
        rng = np.random.default_rng((self.seed, self.thing, CLASSES.index(self.name)))
        parts, color = drawn_thing(rng, self.name, composition.poses[self.thing])
        return _with(composition, self.thing, parts, name=self.name, color=color)


def _with(
    composition: Composition,
    thing: int,
    parts: Parts,
    *,
    name: str | None = None,
    pose: Pose | None = None,
    color: Color | None = None,
) -> Composition:
    """The composition with another drawing of one thing, and what else is new of it."""
    things = list(composition.things)
    things[thing] = parts
    return replace(
        composition,
        things=things,
        names=_put(composition.names, thing, name),
        poses=_put(composition.poses, thing, pose),
        colors=_put(composition.colors, thing, color),
    )


def _put(of_things: tuple[T, ...], thing: int, new: T | None) -> tuple[T, ...]:
    """With something new in the place of one thing; as it was without."""
    if new is None:
        return of_things
    return (*of_things[:thing], new, *of_things[thing + 1 :])


def _turned(color: Color, turn: float) -> Color:
    hue, saturation, value = colorsys.rgb_to_hsv(*(channel / 255 for channel in color))
    return hsv(hue + turn, saturation, value)
