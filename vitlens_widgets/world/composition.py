"""A scene before it has pixels: everything that chance decides, independent of its size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .arrangement import Pose, random_poses
from .backgrounds import Background, random_background
from .clutter import random_clutter
from .drawings import DRAWINGS
from .drawings.parts import Parts
from .labels import CLASSES
from .palette import palette_for


@dataclass(frozen=True, slots=True)
class Composition:
    """Shapes over a background, in units of the picture's shorter side.

    Attributes:
        background: What is behind everything.
        clutter: Shapes that belong to no class, painted before the things.
        things: One list of shapes per thing, painted in this order.
        names: The class of each thing.
        grain: Strength of the sensor noise, as a standard deviation on the scale 0 to 255.
    """

    background: Background
    clutter: Parts
    things: list[Parts]
    names: tuple[str, ...]
    grain: float


def compose(
    rng: np.random.Generator,
    objects: int,
    extent: tuple[float, float],
    classes: Sequence[str] = CLASSES,
) -> Composition:
    """Let chance decide a scene with `objects` things on `extent` = (width, height) units."""
    names = choose_names(rng, objects, classes)
    things = []
    for name, pose in zip(names, random_poses(rng, objects, extent), strict=True):
        parts = DRAWINGS[name](rng, palette_for(name, rng))
        things.append(_placed_parts(parts, pose))
    return Composition(
        background=random_background(rng, extent),
        clutter=random_clutter(rng, extent),
        things=things,
        names=names,
        grain=rng.uniform(0, 14),
    )


def choose_names(rng: np.random.Generator, objects: int, classes: Sequence[str]) -> tuple[str, ...]:
    """All of `classes`, if as many as `objects`; else some of them, repeated only at need."""
    if len(classes) == objects:
        return tuple(classes)
    rounds = -(-objects // len(classes))
    order = np.concatenate([rng.permutation(len(classes)) for _ in range(rounds)])
    return tuple(classes[i] for i in order[:objects])


def _placed_parts(parts: Parts, pose: Pose) -> Parts:
    """A drawing moved to its pose: all outlines at once, which is faster than one by one."""
    ends = np.cumsum([len(outline) for outline, _ in parts])
    moved = pose.place(np.concatenate([outline for outline, _ in parts]))
    outlines = np.split(moved, ends[:-1])
    return [(outline, color) for outline, (_, color) in zip(outlines, parts, strict=True)]
