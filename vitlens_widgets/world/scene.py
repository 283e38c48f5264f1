"""Scenes: a picture with exact masks, made from a seed."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from .checks import checked_classes, checked_objects, checked_seed, checked_size
from .composition import compose
from .labels import BACKGROUND, CLASSES
from .render import render_image, render_instances


@dataclass(frozen=True, eq=False)
class Scene:
    """A picture of the world and the truth about it.

    Attributes:
        image: uint8 `[H, W, 3]`, RGB.
        class_mask: uint8 `[H, W]`, index into `LABELS`; 16 is background.
        instance_mask: uint8 `[H, W]`; 0 is background, 1 the first of `names`.
        names: The class of each thing, in the order of the instance mask.
        seed: What it was made from.
    """

    image: np.ndarray = field(repr=False)
    class_mask: np.ndarray = field(repr=False)
    instance_mask: np.ndarray = field(repr=False)
    names: tuple[str, ...]
    seed: int

    def _repr_png_(self) -> bytes:
        """The picture, as Jupyter shows it."""
        buffer = io.BytesIO()
        Image.fromarray(self.image).save(buffer, format="PNG")
        return buffer.getvalue()


def scene(
    seed: int,
    objects: int = 1,
    size: int | tuple[int, int] = 224,
    classes: str | Sequence[str] | None = None,
) -> Scene:
    """Draw a scene. The same arguments always give the same pixels.

    With another size of the same proportions the same things stand in the same places; only the
    grain of the sensor noise differs. The embedded models have never been trained on a seed below
    a thousand million.

    Args:
        seed: Any whole number from 0 on.
        objects: How many things, 1 to 64.
        size: Side in pixels, or (height, width); at least 16 and at most 4096.
        classes: Names to choose from, without repetition as long as they suffice; exactly as many
            names as objects are all drawn, in this order. Default: all of `CLASSES`.

    Raises:
        UsageError: An argument is not one of those; the message says which.

    Example:
        >>> scene(7, objects=2, classes=["cat", "key"]).names
        ('cat', 'key')
    """
    seed, objects = checked_seed(seed), checked_objects(objects)
    height, width = checked_size(size)
    chosen = CLASSES if classes is None else checked_classes(classes)
    rng = np.random.default_rng(seed)
    shorter = min(height, width)
    composition = compose(rng, objects, (width / shorter, height / shorter), chosen)
    instances = render_instances(composition, height, width)
    return Scene(
        image=render_image(composition, height, width, rng),
        class_mask=_class_of_instance(composition.names)[instances],
        instance_mask=instances,
        names=composition.names,
        seed=seed,
    )


def _class_of_instance(names: Sequence[str]) -> np.ndarray:
    """Class index of each instance number, background first, uint8 `[1 + objects]`."""
    return np.array([BACKGROUND, *map(CLASSES.index, names)], dtype=np.uint8)
