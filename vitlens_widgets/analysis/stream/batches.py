"""Examples of a data set as batches that a model takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from vitlens_widgets.data import Dataset, Example, LabelSet, read_image
from vitlens_widgets.data.examples import checked_example, checked_mask, matched
from vitlens_widgets.errors import UsageError
from vitlens_widgets.trace import ViT
from vitlens_widgets.trace.batch import as_batch


@dataclass(frozen=True, eq=False)
class ExampleBatch:
    """Some images, ready for `vit.trace(batch.pixels, preprocessed=True)`.

    Attributes:
        pixels: `[image, 3, height, width]`, on the model's device.
        classes: The true class among the labels asked for, the model's unless others are, int64
            `[image]`, on the CPU.
        masks: Bool `[height, width]` of each whole image, None where there is none.
        examples: What they were made from.
    """

    pixels: Tensor
    classes: Tensor
    masks: Sequence[np.ndarray | None]
    examples: Sequence[Example]

    def __len__(self) -> int:
        return len(self.examples)


def batches(
    vit: ViT,
    data: Dataset,
    start: int,
    stop: int,
    batch_size: int,
    labels: LabelSet | None = None,
) -> Iterator[ExampleBatch]:
    """The examples `start` to `stop` of a data set, `batch_size` at a time.

    Args:
        vit: The model that will run them.
        data: The data set.
        start: The first.
        stop: The first that is left out.
        batch_size: How many at a time.
        labels: Whose classes theirs are brought to, by their names; None for the model's, or the
            data set's own where the model has none.

    Raises:
        UsageError: A class that the labels do not have, an image that cannot be read, or an
            example that is none.
    """
    classes = matched(data.labels, labels or vit.labels or data.labels)
    for first in range(start, stop, batch_size):
        numbers = range(first, min(first + batch_size, stop))
        examples = [checked_example(data, number) for number in numbers]
        images = [_read(one) for one in examples]
        yield ExampleBatch(
            pixels=as_batch(vit, images, False)[0],
            classes=torch.tensor([classes[one.label] for one in examples]),
            masks=[_mask(one, image) for one, image in zip(examples, images, strict=True)],
            examples=examples,
        )


def _read(example: Example) -> Image.Image:
    """The image, read here so that an error's sentence says which it is."""
    try:
        return read_image(example.image)
    except UsageError as error:
        raise UsageError(f"{example.name}: {error}") from error


def _mask(example: Example, image: Image.Image) -> np.ndarray | None:
    """The mask, if it can be of this image: up to a pixel of the coarser one, of its aspect."""
    if example.mask is None:
        return None
    mask = checked_mask(example.mask, example.name)
    (height, width), (seen_height, seen_width) = mask.shape, (image.height, image.width)
    if abs(height * seen_width - width * seen_height) > max(seen_height, seen_width):
        raise UsageError(
            f"The mask of {example.name} is {height} x {width} and its image {seen_height} x "
            f"{seen_width}: a mask is of the whole image, before any resizing and cropping."
        )
    return mask


def check_data(data: Dataset, needs_masks: bool) -> None:
    """Refuse what is no data set, or has no masks where they are needed.

    Raises:
        UsageError: It is not, or has none.
    """
    if not isinstance(data, Dataset):
        raise UsageError(
            f"An experiment reads a data set, not {type(data).__name__}: vl.world.Scenes(), "
            "vl.data.ImageFolder(folder), vl.data.ImageNetS(folder), vl.data.Examples(items, "
            "labels) of a list, a torchvision or Hugging Face data set, or "
            "vl.data.Streamed(items, labels, count=) of a DataLoader or an IterableDataset."
        )
    if needs_masks and not data.has_masks:
        raise UsageError(
            f"This experiment needs to know which pixels show the class, and {data!r} has no "
            "masks; give your own by vl.data.Examples([(image, class, mask), ...], labels)."
        )
