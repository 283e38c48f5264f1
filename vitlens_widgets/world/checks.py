"""What `scene` accepts; everything else is refused with one sentence."""

from __future__ import annotations

import operator
from collections.abc import Sequence

from ..errors import UsageError, did_you_mean, quoted_list
from .labels import CLASSES

MOST_OBJECTS = 64
SMALLEST, LARGEST = 16, 4096


def checked_seed(seed: object) -> int:
    """A whole number from 0 on."""
    number = whole("seed", seed)
    if number < 0:
        raise UsageError(f"seed is {number}; a seed is a whole number from 0 on.")
    return number


def checked_objects(objects: object) -> int:
    """How many things a scene shows: 1 to 64."""
    number = whole("objects", objects)
    if not 1 <= number <= MOST_OBJECTS:
        raise UsageError(f"objects is {number}; a scene shows 1 to {MOST_OBJECTS} things.")
    return number


def checked_size(size: object) -> tuple[int, int]:
    """(height, width) in pixels, from one side or from both."""
    pair = tuple(size) if isinstance(size, (tuple, list)) else (size, size)
    if len(pair) != 2:
        raise UsageError(f"size is {size!r}; give one side in pixels or (height, width).")
    height, width = (whole("size", side) for side in pair)
    if not all(SMALLEST <= side <= LARGEST for side in (height, width)):
        raise UsageError(
            f"size is {height} x {width} pixels; each side must be {SMALLEST} to {LARGEST}."
        )
    return height, width


def checked_classes(classes: str | Sequence[str]) -> tuple[str, ...]:
    """Known class names, at least one."""
    names = (classes,) if isinstance(classes, str) else tuple(classes)
    if not names:
        raise UsageError("classes is empty; name at least one, or leave it out to draw from all.")
    for name in names:
        if name not in CLASSES:
            near = did_you_mean(str(name), CLASSES)
            known = near or f" Known: {quoted_list(CLASSES)}."
            raise UsageError(f"The world has no class {name!r}.{known}")
    return names


def whole(what: str, value: object) -> int:
    """`value` as an int; True, 1.5 and "1" are not whole numbers."""
    if not isinstance(value, bool):
        try:
            return operator.index(value)
        except TypeError:
            pass
    raise UsageError(f"{what} is {value!r}; it must be a whole number.")
