"""Endless fresh scenes for training, drawn by a worker process beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from ..labels import CLASSES, LABELS
from ..network import GRID, TRAINED_PATCH
from ..scene import scene

FIRST_TRAINING_SEED = 1_000_000_000
"""Training uses seeds from here on, so that every smaller one is held out."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Scenes and the two kinds of truth about them.

    Attributes:
        images: uint8 `[image, H, W, 3]`.
        present: float32 `[image, 16]`, 1 for each class in the picture.
        shares: float32 `[image, 49, 17]`, the share of each patch that each label covers.
    """

    images: torch.Tensor
    present: torch.Tensor
    shares: torch.Tensor


class FreshScenes(Dataset):
    """Batch `i` of the world: half one-object and half two-object scenes, never seen before."""

    def __init__(self, batches: int, batch_size: int) -> None:
        self.batches, self.batch_size = batches, batch_size

    def __len__(self) -> int:
        return self.batches

    def __getitem__(self, index: int) -> Batch:
        first = FIRST_TRAINING_SEED + index * self.batch_size
        size = GRID * TRAINED_PATCH
        scenes = [scene(first + i, objects=1 + i % 2, size=size) for i in range(self.batch_size)]
        masks = np.stack([s.class_mask for s in scenes])
        return Batch(
            images=torch.from_numpy(np.stack([s.image for s in scenes])),
            present=torch.from_numpy(present_classes(masks)),
            shares=torch.from_numpy(patch_coverage(masks)),
        )


def stream(start: int, stop: int, batch_size: int) -> Iterator[Batch]:
    """Batches `start` to `stop`, in order, drawn ahead by one worker process."""
    scenes = FreshScenes(stop, batch_size)
    loader = DataLoader(
        scenes, batch_size=None, sampler=range(start, stop), num_workers=1, prefetch_factor=8
    )
    return iter(loader)


def present_classes(masks: np.ndarray) -> np.ndarray:
    """Which classes each class mask `[image, H, W]` shows, float32 `[image, 16]`."""
    return np.stack(
        [np.bincount(m.ravel(), minlength=len(LABELS))[: len(CLASSES)] > 0 for m in masks]
    ).astype(np.float32)


def patch_coverage(masks: np.ndarray, grid: int = GRID) -> np.ndarray:
    """Share of each patch that each label covers, float32 `[image, grid * grid, 17]`."""
    images, height, width = masks.shape
    pixels = height * width // grid**2
    patches = masks.reshape(images, grid, height // grid, grid, width // grid)
    patches = patches.transpose(0, 1, 3, 2, 4).reshape(images * grid * grid, pixels)
    slots = patches + len(LABELS) * np.arange(len(patches))[:, None]
    counts = np.bincount(slots.ravel(), minlength=len(LABELS) * len(patches))
    shares = counts.reshape(images, grid * grid, len(LABELS)) / pixels
    return shares.astype(np.float32)
