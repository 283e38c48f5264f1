"""What is known of the objects in the images: which patches show them, and how well they return."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from vitlens_widgets.data import LabelSet
from vitlens_widgets.data.examples import as_model_classes
from vitlens_widgets.errors import UsageError, counted, said
from vitlens_widgets.kinds import is_several
from vitlens_widgets.masks import coverage
from vitlens_widgets.widgets.infill_strip.seam import InfillingLike

EVERY = "all objects"


class Objects:
    """The true objects of each image, if they are known.

    Args:
        infilling: Whose images they are in.
        truth: None; a scene of the world or a list of them; or a mask `[height, width]`, or one for
            each image in front: True where the object is, or the class of each pixel, in the order
            of the segmenter's labels (of `vl.world.LABELS` without one).
        segmenter: A ViT whose patches name what they show, for the IoU of objects.

    Raises:
        UsageError: A truth that does not fit the images, or a segmenter without one.
    """

    def __init__(self, infilling: InfillingLike, truth: Any, segmenter: Any) -> None:
        self._segmenter = segmenter
        self._labels = _labels(segmenter)
        self._layout = infilling.layout
        self._size = infilling.original.shape[1:3]
        self._truths = [] if truth is None else _one_each(truth, infilling.n_images)
        if segmenter is not None and not self._truths:
            raise UsageError("segmenter= needs truth=: the classes that it is compared with.")
        self._masks = [self._of(truth) for truth in self._truths]

    @property
    def has_iou(self) -> bool:
        """Whether the IoU of objects is among the scores."""
        return self._segmenter is not None

    def masks(self, image: int) -> tuple[list[str], np.ndarray]:
        """The objects of an image: their names, and where they are, bool `[object, patch]`."""
        found = self._masks[image] if self._masks else {}
        n_patches = self._layout.n_patches
        return list(found), np.array(list(found.values()), bool).reshape(-1, n_patches)

    def scores(self, infilling: InfillingLike, image: int) -> list[list[np.ndarray]]:
        """The IoU of objects to the truth and to the final answer, `[metric][reference][state]`."""
        if not self.has_iou:
            return []
        from vitlens_widgets.analysis.infilling import object_iou

        classes: Any = self._classes(self._truths[image])
        found = object_iou(cast("Any", infilling), classes, self._segmenter)
        return [[found.truth[:, 0], found.final[:, 0]]]

    def _of(self, truth: Any) -> dict[str, np.ndarray]:
        """Bool `[patch]` of all objects and, where there are several, of each."""
        grid = (self._layout.rows, self._layout.cols)
        places = {name: coverage(pixels, grid) > 0 for name, pixels in self._cut(truth)}
        seen = {name: mask.reshape(-1) for name, mask in places.items() if mask.any()}
        if len(seen) < 2:
            return seen
        return {EVERY: np.any(list(seen.values()), axis=0), **seen}

    def _cut(self, truth: Any) -> list[tuple[str, np.ndarray]]:
        """Each object with the pixels that show it."""
        if hasattr(truth, "instance_mask"):
            names = _numbered(truth.names)
            return [(name, truth.instance_mask == i + 1) for i, name in enumerate(names)]
        if truth.dtype == bool:
            return [("object", truth)]
        background = self._labels.index("background") if "background" in self._labels else -1
        present = [int(c) for c in np.unique(truth) if c != background]
        return [(self._name(c), truth == c) for c in present]

    def _name(self, index: int) -> str:
        return self._labels[index] if 0 <= index < len(self._labels) else f"class {index}"

    def _classes(self, truth: Any) -> np.ndarray:
        """The class of each pixel of the pictures."""
        classes = truth
        if hasattr(truth, "class_mask"):
            known = LabelSet.known("world")
            classes = as_model_classes(truth.class_mask, known, self._segmenter.labels)
        steps = [have // want for have, want in zip(classes.shape, self._size, strict=True)]
        return classes[steps[0] // 2 :: steps[0], steps[1] // 2 :: steps[1]]


def _labels(segmenter: Any) -> list[str]:
    from vitlens_widgets.world import LABELS

    if segmenter is not None and not hasattr(segmenter, "labels"):
        raise UsageError(
            'segmenter= takes a ViT with labels, such as vl.load("toy/p32-taught"); an object of '
            f"type {type(segmenter).__name__} was given."
        )
    return list(LABELS if segmenter is None else segmenter.labels)


def _one_each(truth: Any, n_images: int) -> list[Any]:
    """One truth for each image."""
    many = list(truth) if is_several(truth) else None
    if hasattr(truth, "instance_mask"):
        many = [truth]
    if many is None:
        many = _masks(truth, n_images)
    if len(many) != n_images:
        raise UsageError(
            f"truth= tells of {counted(len(many), 'image')}; the infilling has {n_images}."
        )
    return [_checked(one) for one in many]


def _masks(truth: Any, n_images: int) -> list[Any]:
    """The masks of an array; a picture `[height, width, 3]` is none."""
    masks = np.asarray(truth)
    if masks.ndim == 2:
        return [masks]
    is_picture = masks.shape[-1:] in ((3,), (4,)) and len(masks) != n_images
    return [truth] if masks.ndim != 3 or is_picture else list(masks)


def _checked(truth: Any) -> Any:
    if hasattr(truth, "instance_mask"):
        return truth
    mask = np.asarray(truth)
    if mask.ndim != 2 or not (mask.dtype == bool or np.issubdtype(mask.dtype, np.integer)):
        given = f"{mask.dtype} {list(mask.shape)}" if mask.ndim else said(truth)
        raise UsageError(
            "truth= takes scenes of vl.world, or masks [height, width] of booleans or class "
            f"indices, one for each image; {given} was given."
        )
    return mask


def _numbered(names: Any) -> list[str]:
    """Names that occur twice get numbers: "cat 1", "cat 2"."""
    names = list(names)
    seen = [names[: i + 1].count(name) for i, name in enumerate(names)]
    return [f"{n} {k}" if names.count(n) > 1 else n for n, k in zip(names, seen, strict=True)]
