"""`Scenes`: the world as an endless data set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..data import Example, LabelSet
from .checks import checked_classes, checked_objects, checked_seed, checked_size
from .labels import CLASSES
from .scene import scene


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

    def __init__(
        self,
        seed: int = 0,
        objects: int = 1,
        size: int | tuple[int, int] = 224,
        classes: str | Sequence[str] | None = None,
    ) -> None:
        self.seed, self.objects = checked_seed(seed), checked_objects(objects)
        self.size = checked_size(size)
        self.classes = CLASSES if classes is None else checked_classes(classes)
        self.labels = LabelSet.of(CLASSES, "things of the world")

    @property
    def identity(self) -> dict[str, Any]:
        """See `vl.data.Dataset`."""
        words = {"seed": self.seed, "objects": self.objects, "size": list(self.size)}
        return {"world": {**words, "classes": list(self.classes)}}

    def source(self, number: int) -> tuple:
        """What scene `number` is made from: of two data sets, those made from the same are one."""
        return self.seed + number, self.objects, self.size, tuple(self.classes)

    def __getitem__(self, number: int) -> Example:
        """Scene `number`, from 0 on."""
        made = scene(self.seed + number, self.objects, self.size, self.classes)
        mask = made.instance_mask == 1
        return Example(made.image, self.labels.index(made.names[0]), mask, f"scene {made.seed}")

    def __repr__(self) -> str:
        things = f"{self.objects} thing{'s' * (self.objects > 1)}"
        return f"Scenes(from seed {self.seed} on, {things}, {self.size[0]} x {self.size[1]})"
