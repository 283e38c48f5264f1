"""Scenes: a picture with exact masks, made from a seed; and the world as an endless data set."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from PIL import Image

from vitlens_widgets.data import Example, LabelSet
from vitlens_widgets.data.truths import Masks
from vitlens_widgets.errors import (
    UsageError,
    as_list,
    check_count,
    check_seed,
    did_you_mean,
    quoted_list,
)
from vitlens_widgets.kinds import is_mapping, is_several
from vitlens_widgets.world.changes import Change
from vitlens_widgets.world.composition import compose
from vitlens_widgets.world.description import NOTHING, Description, described
from vitlens_widgets.world.drawings.shapes import Parts
from vitlens_widgets.world.labels import BACKGROUND, CLASSES
from vitlens_widgets.world.render import render_image, render_instances, render_parts
from vitlens_widgets.world.truths import TRUTH_NAMES, truths_of_scene


@dataclass(frozen=True, eq=False)
class Scene:
    """A picture of the world and the truth about it.

    Attributes:
        image: uint8 `[H, W, 3]`, RGB.
        class_mask: uint8 `[H, W]`, index into `LABELS`; 16 is background.
        instance_mask: uint8 `[H, W]`; 0 is background, 1 the first of `names`.
        names: The class of each thing, in the order of the instance mask.
        seed: What it was made from.
        classes: What its things were chosen from.
        changes: What was changed in it since, in order; see `without` and its kin.
        description: What it shows, in the words of captions; see `caption`.
        shapes: What each of its things is painted of, in the order of its names.
    """

    image: np.ndarray = field(repr=False)
    class_mask: np.ndarray = field(repr=False)
    instance_mask: np.ndarray = field(repr=False)
    names: tuple[str, ...]
    seed: int
    classes: tuple[str, ...] = field(default=CLASSES, repr=False)
    changes: tuple[Change, ...] = ()
    description: Description = field(default=NOTHING, repr=False)
    shapes: tuple[Parts, ...] = field(default=(), repr=False)

    @cached_property
    def part_mask(self) -> np.ndarray:
        """Which part of a thing is seen, such as an eye: uint8 `[H, W]`, index into `PARTS`.

        `NO_PART` is background. It is painted when it is first asked for, where the things are.
        """
        return render_parts(self.shapes, *self.instance_mask.shape)

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
    seed, objects = check_seed(seed), checked_objects(objects)
    height, width = checked_size(size)
    chosen = CLASSES if classes is None else checked_classes(classes)
    return drawn(seed, objects, (height, width), tuple(chosen))


def drawn(
    seed: int,
    objects: int,
    size: tuple[int, int],
    classes: tuple[str, ...],
    changes: tuple[Change, ...] = (),
) -> Scene:
    """A scene of arguments that are checked, with changes made before it is painted.

    What chance decides is decided before them, the background and the noise of the picture too.
    """
    height, width = size
    rng = np.random.default_rng(seed)
    shorter = min(height, width)
    extent = (width / shorter, height / shorter)
    composition = compose(rng, objects, extent, classes)
    for change in changes:
        composition = change.made(composition)
    instances = render_instances(composition, height, width)
    return Scene(
        image=render_image(composition, height, width, rng),
        class_mask=_class_of_instance(composition.names)[instances],
        instance_mask=instances,
        names=composition.names,
        seed=seed,
        classes=classes,
        changes=changes,
        description=described(composition, extent),
        shapes=tuple(composition.things),
    )


def _class_of_instance(names: Sequence[str]) -> np.ndarray:
    """Class index of each instance number, background first, uint8 `[1 + objects]`."""
    return np.array([BACKGROUND, *map(CLASSES.index, names)], dtype=np.uint8)


class Scenes:
    """Scenes of the world one after the other, with exact masks, as many as are asked for.

    Scene i is `vl.world.scene(seed + i, ...)`, so that the same arguments always give the same data
    set. Its class is that of the first thing in it, and its mask shows where that thing can be
    seen; other things belong to its context.

    Args:
        seed: Of the first scene. The embedded models have never been trained on a seed below a
            thousand million.
        objects: How many things a scene shows.
        size: Side in pixels, or (height, width).
        classes: Names to choose the things from; default: all sixteen.

    Raises:
        UsageError: An argument that `scene` does not take.

    Example:
        >>> example = Scenes(seed=7)[0]
        >>> Scenes(seed=7).labels[example.label], example.mask.shape
        ('star', (224, 224))
    """

    has_masks = True
    count = None
    identity_says_all = True
    truth_names: Mapping[str, Sequence[str]] = TRUTH_NAMES

    def __init__(
        self,
        seed: int = 0,
        objects: int = 1,
        size: int | tuple[int, int] = 224,
        classes: str | Sequence[str] | None = None,
    ) -> None:
        self.seed, self.objects = check_seed(seed), checked_objects(objects)
        self.size = checked_size(size)
        self.classes = CLASSES if classes is None else checked_classes(classes)
        self.labels = LabelSet.of(CLASSES, "things of the world")

    @property
    def identity(self) -> dict[str, Any]:
        """See `vl.data.Dataset`."""
        drawn = {"seed": self.seed, "objects": self.objects, "size": list(self.size)}
        return {"world": {**drawn, "classes": list(self.classes)}}

    @classmethod
    def of_identity(cls, identity: Mapping[str, Any]) -> Scenes | None:
        """The scenes that have this identity, if it is one of scenes."""
        words = identity.get("world")
        if not is_mapping(words):
            return None
        size: Any = tuple(words["size"])
        return cls(words["seed"], words["objects"], size, list(words["classes"]))

    def source(self, number: int) -> tuple[object, ...]:
        """What scene `number` is made from: of two data sets, those made from the same are one."""
        return self.seed + number, self.objects, self.size, tuple(self.classes)

    def __getitem__(self, number: int) -> Example:
        """Scene `number`, from 0 on."""
        made = scene(self.seed + number, self.objects, self.size, self.classes)
        mask = made.instance_mask == 1
        return Example(made.image, self.labels.index(made.names[0]), mask, f"scene {made.seed}")

    def class_mask(self, number: int) -> np.ndarray:
        """Which class each pixel shows, int64 `[H, W]`, index into `labels`; -1 is background."""
        made = scene(self.seed + number, self.objects, self.size, self.classes).class_mask
        return np.where(made < len(self.labels), made.astype(np.int64), -1)

    def truths(self, number: int) -> Masks:
        """Where what is true in scene `number`: see `vitlens_widgets.data.truths`.

        Where a thing of a class, a color, a size or at a place can be seen, by its description, and
        where each of the parts; two things of one color are one mask.
        """
        made = scene(self.seed + number, self.objects, self.size, self.classes)
        return truths_of_scene(made.description, made.instance_mask, made.part_mask)

    def __repr__(self) -> str:
        things = f"{self.objects} thing{'s' * (self.objects > 1)}"
        return f"Scenes(from seed {self.seed} on, {things}, {self.size[0]} x {self.size[1]})"


MOST_OBJECTS = 64
SMALLEST, LARGEST = 16, 4096


def checked_objects(objects: object) -> int:
    """How many things a scene shows: 1 to 64."""
    return check_count("objects, how many things a scene shows,", objects, 1, MOST_OBJECTS)


def checked_size(size: object) -> tuple[int, int]:
    """(height, width) in pixels, from one side or from both."""
    pair = tuple(size) if is_several(size) else (size, size)
    if len(pair) != 2:
        raise UsageError(f"size is {size!r}; give one side in pixels or (height, width).")
    height, width = (check_count("size, in pixels,", side, SMALLEST, LARGEST) for side in pair)
    return height, width


def checked_classes(classes: str | Sequence[str]) -> tuple[str, ...]:
    """Known class names, at least one."""
    one = isinstance(classes, str)
    names = (classes,) if one else tuple(as_list("classes", classes, '["cat", "dog"]'))
    if not names:
        raise UsageError("classes is empty; name at least one, or leave it out to draw from all.")
    for name in names:
        if not isinstance(name, str) or name not in CLASSES:
            near = did_you_mean(str(name), CLASSES)
            known = near or f" Known: {quoted_list(CLASSES)}."
            raise UsageError(f"The world has no class {name!r}.{known}")
    return names
