"""Whether patches answer what they show: their overlap with true masks, state by state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.analysis.experiment import experiment
from vitlens_widgets.analysis.segmentation.result import MEANINGS, Segmentation
from vitlens_widgets.data import Dataset, Example, LabelSet
from vitlens_widgets.data.examples import as_model_classes
from vitlens_widgets.errors import UsageError, check_count, counted, said
from vitlens_widgets.kinds import is_tuple
from vitlens_widgets.lenses import Lens, LogitLens, Reading
from vitlens_widgets.lenses.lens import check_lens
from vitlens_widgets.masks import most_of_each_patch
from vitlens_widgets.progress import progress_bar
from vitlens_widgets.trace import ViT
from vitlens_widgets.trace.edits import Edit


@experiment("lens")
def segmentation(
    lens: Lens | ViT,
    scenes: Iterable[Any],
    *,
    background: int | str | None = "background",
    edits: Sequence[Edit] = (),
    batch_size: int = 32,
) -> Segmentation:
    """How well the answers of the patches draw what an image shows, at every state.

    A patch *belongs to* the class that covers most of its pixels; of equal shares, to the one with
    the smaller index. A patch *answers* the lens's most probable class. For each class c to which a
    patch of the image belongs:

    - *iou*: patches that answer c and belong to it, over those that do either. 1 is a perfect
      drawing at the patches' resolution, 0 is none.
    - *separation*: how often a patch of c has a larger probability for c than a patch of something
      else, ties half (the area under the ROC curve); 0.5 is chance. It asks whether the model
      *ranks* the patches right, also where another class wins everywhere. NaN if c is all there is.
    - *everywhere*: the share of the patches that belong to c, which is the iou of a model that
      answers c on all of them.

    A class that covers most of no patch is not asked for. The images are run a few at a time and
    nothing but these numbers is kept, so there may be many.

    Args:
        lens: What answers, such as `vl.LogitLens(vit)`; a model stands for its logit lens.
        scenes: What `vl.world.scene` makes, or pairs (image, mask), as many as you like, from a
            list or a generator. The things of a scene are classes of the model by their names. A
            mask of your own holds the index of each pixel's class among the model's labels, whole
            numbers `[height, width]` of a size that the patch grid divides, and any negative number
            where there is no class; it must be of the picture as the model sees it.
        background: The class that counts as no thing; ignored if the labels have no such name.
        edits: Changes to make on the way, as for `vit.trace`: a head switched off, for example.
        batch_size: How many images the model runs together.

    Raises:
        UsageError: No lens, no scenes, scenes of things that the model has no class for, an edit
            that drops tokens, or a mask of another kind, size, aspect, or of unknown classes.

    Source:
        IoU as in Everingham et al. (2010), section 4.2, on patches and per image. That patch
        answers segment, although nobody asked for it: Joseph & Nanda (2024), "Laying the
        Foundations for Vision and Multimodal Mechanistic Interpretability"; Vilas et al. (2023).

    Example:
        >>> scenes = (vl.world.scene(seed, objects=2) for seed in range(100))
        >>> vl.analysis.segmentation(vl.LogitLens(vit), scenes).table()
    """
    check_count("batch_size", batch_size, least=1)
    lens = LogitLens(lens) if isinstance(lens, ViT) else check_lens(lens, "segmentation")
    by_image, reading = _by_image(lens, scenes, edits, batch_size)
    pairs = [(image, pair) for image, several in enumerate(by_image) for pair in several]
    if not pairs:
        raise UsageError("No class covers most of any patch in these masks.")
    return Segmentation(
        title=f"{reading.lens_name} of {reading.model_name}, {counted(len(by_image), 'image')}",
        labels=lens.vit.labels,
        state_names=reading.state_names,
        image=np.array([image for image, _ in pairs]),
        label=np.array([pair.label for _, pair in pairs]),
        values={name: np.stack([getattr(p, name) for _, p in pairs], axis=1) for name in MEANINGS},
        background=_background(lens.vit.labels, background),
        n_images=len(by_image),
    )


def _by_image(
    lens: Lens, scenes: Any, edits: Sequence[Edit], batch_size: int
) -> tuple[list[list[_Pair]], Reading]:
    """The classes of each image, and one of the readings they are measured on."""
    pairs_given = (_image_and_mask(scene, lens.vit.labels) for scene in _several(scenes))
    total = len(scenes) if hasattr(scenes, "__len__") else None
    by_image: list[list[_Pair]] = []
    reading: Reading | None = None
    with progress_bar(total, "segmentation") as bar:
        for batch in _batches(pairs_given, batch_size):
            reading = lens.read(lens.vit.trace([image for image, _ in batch], edits=edits))
            by_image += _pairs(reading, [mask for _, mask in batch])
            bar.update(len(batch))
    if reading is None:
        raise UsageError("No scenes were given: segmentation needs at least one.")
    return by_image, reading


@dataclass(frozen=True)
class _Pair:
    """One class in one image that shows it; all numbers are `[state]`."""

    label: int
    iou: np.ndarray
    separation: np.ndarray
    everywhere: np.ndarray


def _pairs(reading: Reading, masks: Sequence[Any]) -> list[list[_Pair]]:
    """The classes of each image."""
    if len(reading.tokens) != reading.layout.n_tokens:
        raise UsageError("segmentation needs the answer of every patch: edits may drop none.")
    patches = reading.layout.patches
    answers = reading.top(1).index[:, :, patches, 0]  # [state, image, patch]
    picture = reading.picture(0).shape[:2]
    grid = reading.layout.grid
    truths = [torch.from_numpy(most_of_each_patch(m, grid, picture)).flatten() for m in masks]
    found: list[list[_Pair]] = [[] for _ in masks]
    for label in cast("list[int]", torch.cat(truths).unique().tolist()):
        if label < 0:
            continue
        chances = reading.probability(label)[:, :, patches]
        for i, truth in enumerate(truths):
            if (truth == label).any():
                found[i].append(_pair(label, answers[:, i] == label, chances[:, i], truth == label))
    return found


def _pair(label: int, answered: Tensor, chances: Tensor, mine: Tensor) -> _Pair:
    """Of answers and probabilities `[state, patch]`, and which patches belong to the class."""
    both, either = ((answered & mine).sum(-1), (answered | mine).sum(-1))
    inside, outside = chances[:, mine, None], chances[:, None, ~mine]
    above = (inside > outside).double() + 0.5 * (inside == outside).double()
    share = mine.double().mean().expand(len(answered))
    return _Pair(
        label,
        iou=(both.double() / either).numpy(),
        separation=above.flatten(1).mean(-1).numpy(),
        everywhere=share.numpy(),
    )


_NO_EXAMPLES = (
    "segmentation takes scenes of the world or pairs (image, mask), in which the mask has the "
    "class of every pixel, not the examples of a data set, whose masks show one class: give it, "
    "for example, [vl.world.scene(seed) for seed in range(100)]."
)


def _several(scenes: Any) -> Iterator[Any]:
    if isinstance(scenes, Dataset):  # also those that can be gone through, without an end
        raise UsageError(_NO_EXAMPLES)
    try:
        return iter(scenes)
    except TypeError:
        raise UsageError(
            f"segmentation takes several scenes, not {said(scenes)}: put one into a list, [scene]."
        ) from None


def _image_and_mask(scene: Any, labels: LabelSet) -> tuple[Any, Any]:
    """The image, and the class of each pixel among the model's labels."""
    if hasattr(scene, "image") and hasattr(scene, "class_mask"):
        known = LabelSet.known("world")
        return scene.image, as_model_classes(scene.class_mask, known, labels)
    if is_tuple(scene) and len(scene) == 2:
        return scene[0], scene[1]
    if isinstance(scene, Example):
        raise UsageError(_NO_EXAMPLES)
    raise UsageError(
        f"segmentation takes scenes of the world or pairs (image, mask), not {said(scene)}."
    )


def _background(labels: LabelSet, background: int | str | None) -> int | None:
    if isinstance(background, str):
        try:
            return labels.index(background)
        except UsageError:
            return None
    return None if background is None else labels.index(background)


def _batches(pairs: Iterator[Any], size: int) -> Iterator[list[Any]]:
    while batch := list(islice(pairs, size)):
        yield batch
