"""Examples of a data set as batches that a model takes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from threading import Lock

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from vitlens_widgets.data import Dataset, Example, LabelSet, read_image
from vitlens_widgets.data.checksums import of_example
from vitlens_widgets.data.examples import UNKNOWN, checked_example, checked_mask, matched
from vitlens_widgets.errors import UsageError, check_count
from vitlens_widgets.trace import ViT
from vitlens_widgets.trace.ahead import made_ahead
from vitlens_widgets.trace.batch import as_batch

_MOST_READERS = 4


@dataclass(frozen=True, eq=False)
class ExampleBatch:
    """Some images, ready for `vit.trace(batch.pixels, preprocessed=True)`.

    Attributes:
        pixels: `[image, 3, height, width]`, on the model's device.
        classes: The true class among the labels asked for, the model's unless others are, int64
            `[image]`, on the CPU.
        masks: Bool `[height, width]` of each whole image, None where there is none.
        examples: What they were made from.
        numbers: Of the examples in their data set.
        digests: By what each example is known again, where that was asked for.
    """

    pixels: Tensor
    classes: Tensor
    masks: Sequence[np.ndarray | None]
    examples: Sequence[Example]
    numbers: Sequence[int]
    digests: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.examples)


def batches(
    vit: ViT,
    data: Dataset,
    start: int,
    stop: int,
    batch_size: int,
    labels: LabelSet | None = None,
    *,
    any_class: bool = False,
    digests: bool = False,
) -> Iterator[ExampleBatch]:
    """The examples `start` to `stop` of a data set, `batch_size` at a time.

    The next batch is read and decoded while one is in use.

    Args:
        vit: The model that will run them.
        data: The data set.
        start: The first.
        stop: The first that is left out.
        batch_size: How many at a time.
        labels: Whose classes theirs are brought to, by their names; None for the model's, or the
            data set's own where the model has none.
        any_class: Whether classes play no part: they are the data set's own then, and -1 where
            nobody knows one.
        digests: Whether it is to be said by what each example is known again.

    Raises:
        UsageError: A class that the labels do not have, an image that cannot be read, or an
            example that is none.
    """
    asked = data.labels if any_class else labels or vit.labels or data.labels
    making = _Making(vit, data, matched(data.labels, asked), any_class, digests)
    spans = [range(a, min(a + batch_size, stop)) for a in range(start, stop, batch_size)]
    yield from made_ahead(making.batch, spans, making.n_readers)


@dataclass(frozen=True, eq=False)
class _Making:
    """How batches are made. Arguments are those of `batches`.

    Attributes:
        classes: The class asked for that each class of the data set is.
    """

    vit: ViT
    data: Dataset
    classes: Sequence[int]
    any_class: bool
    digests: bool
    turn: Lock = field(default_factory=Lock)

    @property
    def n_readers(self) -> int:
        """As many threads as a GPU needs so as not to wait; beside a model on the CPU, one."""
        alone = self.vit.device.type == "cpu" or getattr(self.data, "forward_alone", False)
        return 1 if alone else min(_MOST_READERS, os.cpu_count() or 1)

    def batch(self, numbers: range) -> ExampleBatch:
        """The examples of these numbers; data sets are asked by one thread at a time."""
        with self.turn:
            every = [checked_example(self.data, n, any_class=self.any_class) for n in numbers]
        images = [_read(one) for one in every]
        return ExampleBatch(
            pixels=as_batch(self.vit, images, False)[0],
            classes=torch.tensor([self._class(one) for one in every]),
            masks=[_mask(one, image) for one, image in zip(every, images, strict=True)],
            examples=every,
            numbers=numbers,
            digests=[of_example(one) for one in every] if self.digests else (),
        )

    def _class(self, example: Example) -> int:
        return UNKNOWN if example.label == UNKNOWN else self.classes[example.label]


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


def check_data(data: Dataset, needs_masks: bool, what: str = "An experiment") -> None:
    """Refuse what is no data set, or has no masks where they are needed.

    Args:
        data: What was given.
        needs_masks: Whether they are.
        what: Reads it, to begin the sentence.

    Raises:
        UsageError: It is not, or has none.
    """
    if not isinstance(data, Dataset):
        raise UsageError(
            f"{what} reads a data set, not {type(data).__name__}: vl.world.Scenes(), "
            "vl.data.ImageFolder(folder), vl.data.ImageNetS(folder), vl.data.Examples(items, "
            "labels) of a list, a torchvision or Hugging Face data set, or "
            "vl.data.Streamed(items, labels, count=) of a DataLoader or an IterableDataset."
        )
    if needs_masks and not data.has_masks:
        raise UsageError(
            f"This experiment needs to know which pixels show the class, and {data!r} has no "
            "masks; give your own by vl.data.Examples([(image, class, mask), ...], labels)."
        )


def how_many(data: Dataset, n_images: int | None) -> int:
    """How many images to run, from the first on.

    Raises:
        UsageError: No number for an endless data set, a number that it does not have, or a data
            set without examples.
    """
    if data.count == 0:
        raise UsageError(f"{data!r} has no examples.")
    if n_images is None:
        if data.count is None:
            raise UsageError(f"{data!r} has no end; say how many images to run, n_images=500.")
        return data.count
    most = float("inf") if data.count is None else data.count
    return check_count("n_images", n_images, least=1, most=most)
