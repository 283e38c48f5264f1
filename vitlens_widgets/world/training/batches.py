"""Endless fresh batches for training, drawn by a worker process beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from torch.utils.data import DataLoader, Dataset

from ..scene import Scene, scene

FIRST_TRAINING_SEED = 1_000_000_000
"""Training uses seeds from here on, so that every smaller one is held out."""

Draw = Callable[[int, int], Any]
"""From the index of a batch and the number of images in it to the batch."""


def fresh_scenes(index: int, batch_size: int, size: int) -> list[Scene]:
    """The scenes of batch `index`, half with one object and half with two, in no other batch.

    Args:
        index: Which batch, from 0 on.
        batch_size: How many scenes.
        size: Their side in pixels.
    """
    first = FIRST_TRAINING_SEED + index * batch_size
    return [scene(first + i, objects=1 + i % 2, size=size) for i in range(batch_size)]


def stacked_images(scenes: list[Scene]) -> np.ndarray:
    """The pictures of scenes of one size, uint8 `[image, H, W, 3]`."""
    return np.stack([scene.image for scene in scenes])


def stream(draw: Draw, start: int, stop: int, batch_size: int) -> Iterator[Any]:
    """Batches `start` to `stop`, in order, drawn ahead by one worker process."""
    loader = DataLoader(
        _Batches(draw, batch_size),
        batch_size=None,
        sampler=range(start, stop),
        num_workers=1,
        prefetch_factor=8,
    )
    return iter(loader)


class _Batches(Dataset):
    """`draw`, as torch's loader asks for it."""

    def __init__(self, draw: Draw, batch_size: int) -> None:
        self.draw, self.batch_size = draw, batch_size

    def __getitem__(self, index: int) -> Any:
        return self.draw(index, self.batch_size)
