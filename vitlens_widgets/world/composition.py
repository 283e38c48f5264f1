"""A scene before it has pixels: everything that chance decides, independent of its size.

Lengths are in units of the picture's shorter side; `extent` = (width, height) in these units.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vitlens_widgets.world.drawings import DRAWINGS
from vitlens_widgets.world.drawings.backgrounds import Background, random_background, random_clutter
from vitlens_widgets.world.drawings.shapes import Color, Parts, palette_for
from vitlens_widgets.world.labels import CLASSES

_TURN = 0.55  # radians to either side
_PAIRS = (
    ((0.27, 0.5), (0.73, 0.5)),
    ((0.5, 0.27), (0.5, 0.73)),
    ((0.28, 0.28), (0.72, 0.72)),
    ((0.72, 0.28), (0.28, 0.72)),
)


@dataclass(frozen=True, slots=True)
class Pose:
    """Where one thing stands: its centre, half its height, its turn in radians, mirrored or not."""

    x: float
    y: float
    scale: float
    turn: float
    flip: bool

    def place(self, outline: np.ndarray) -> np.ndarray:
        """Points of the unit box `[point, 2]`, mirrored, turned, scaled and moved."""
        c, s = math.cos(self.turn) * self.scale, math.sin(self.turn) * self.scale
        mirror = -1.0 if self.flip else 1.0
        return outline @ np.array([[mirror * c, mirror * s], [-s, c]]) + (self.x, self.y)


def random_poses(rng: np.random.Generator, objects: int, extent: tuple[float, float]) -> list[Pose]:
    """A pose for each of `objects` things, so that they hide little of each other."""
    if objects == 1:
        places = [_alone(rng, extent)]
    elif objects == 2:
        places = _pair(rng, extent)
    else:
        places = _crowd(rng, objects, extent)
    return [
        Pose(x, y, scale, rng.uniform(-_TURN, _TURN), bool(rng.random() < 0.5))
        for x, y, scale in places
    ]


def _alone(rng: np.random.Generator, extent: tuple[float, float]) -> tuple[float, float, float]:
    scale = rng.uniform(0.2, 0.47)
    margin = 0.85 * scale
    x, y = (rng.uniform(margin, side - margin) for side in extent)
    return x, y, scale


def _pair(
    rng: np.random.Generator, extent: tuple[float, float]
) -> list[tuple[float, float, float]]:
    pair = np.array(_PAIRS[rng.integers(len(_PAIRS))]) + rng.uniform(-0.03, 0.03, (2, 2))
    order = rng.permutation(2)
    return [(*(pair[i] * extent), rng.uniform(0.17, 0.29)) for i in order]


def _crowd(
    rng: np.random.Generator, objects: int, extent: tuple[float, float]
) -> list[tuple[float, float, float]]:
    """Each in a cell of its own of the smallest square grid that has room for all."""
    cells = math.ceil(math.sqrt(objects))
    chosen = rng.permutation(cells * cells)[:objects]
    places: list[tuple[float, float, float]] = []
    for cell in chosen.tolist():
        row, column = divmod(cell, cells)
        x, y = (np.array([column, row]) + 0.5 + rng.uniform(-0.08, 0.08, 2)) / cells * extent
        places.append((x, y, rng.uniform(0.36, 0.54) / cells))
    return places


@dataclass(frozen=True, slots=True)
class Composition:
    """Shapes over a background, in units of the picture's shorter side.

    Attributes:
        background: What is behind everything.
        clutter: Shapes that belong to no class, painted before the things.
        things: One list of shapes per thing, painted in this order.
        names: The class of each thing.
        poses: Where each thing stands.
        colors: The main colour of each thing.
        grain: Strength of the sensor noise, as a standard deviation on the scale 0 to 255.
    """

    background: Background
    clutter: Parts
    things: list[Parts]
    names: tuple[str, ...]
    poses: tuple[Pose, ...]
    colors: tuple[Color, ...]
    grain: float


def compose(
    rng: np.random.Generator,
    objects: int,
    extent: tuple[float, float],
    classes: Sequence[str] = CLASSES,
) -> Composition:
    """Let chance decide a scene with `objects` things on `extent` = (width, height) units."""
    names = choose_names(rng, objects, classes)
    poses = random_poses(rng, objects, extent)
    drawn = [drawn_thing(rng, name, pose) for name, pose in zip(names, poses, strict=True)]
    return Composition(
        background=random_background(rng, extent),
        clutter=random_clutter(rng, extent),
        things=[parts for parts, _ in drawn],
        names=names,
        poses=tuple(poses),
        colors=tuple(color for _, color in drawn),
        grain=rng.uniform(0, 14),
    )


def choose_names(rng: np.random.Generator, objects: int, classes: Sequence[str]) -> tuple[str, ...]:
    """All of `classes`, if as many as `objects`; else some of them, repeated only at need."""
    if len(classes) == objects:
        return tuple(classes)
    rounds = -(-objects // len(classes))
    order = np.concatenate([rng.permutation(len(classes)) for _ in range(rounds)])
    chosen: list[int] = order[:objects].tolist()
    return tuple(classes[i] for i in chosen)


def drawn_thing(rng: np.random.Generator, name: str, pose: Pose) -> tuple[Parts, Color]:
    """A thing as chance draws and colours it, where it stands; and its main colour."""
    palette = palette_for(name, rng)
    return _placed_parts(DRAWINGS[name](rng, palette), pose), palette.base


def _placed_parts(parts: Parts, pose: Pose) -> Parts:
    """A drawing moved to its pose: all outlines at once, which is faster than one by one."""
    ends = np.cumsum([len(outline) for outline, *_ in parts])
    moved = pose.place(np.concatenate([outline for outline, *_ in parts]))
    outlines = np.split(moved, ends[:-1])
    together = zip(outlines, parts, strict=True)
    return [(outline, color, name) for outline, (_, color, name) in together]
