"""What a classifier could be asked of a scene: its classes, and which share of each patch."""

from __future__ import annotations

import numpy as np

from .labels import CLASSES, LABELS


def present_classes(masks: np.ndarray) -> np.ndarray:
    """Which classes each class mask `[image, H, W]` shows, float32 `[image, 16]`."""
    return np.stack(
        [np.bincount(m.ravel(), minlength=len(LABELS))[: len(CLASSES)] > 0 for m in masks]
    ).astype(np.float32)


def patch_coverage(masks: np.ndarray, grid: int) -> np.ndarray:
    """Share of each patch that each label covers, float32 `[image, grid * grid, 17]`."""
    images, height, width = masks.shape
    pixels = height * width // grid**2
    patches = masks.reshape(images, grid, height // grid, grid, width // grid)
    patches = patches.transpose(0, 1, 3, 2, 4).reshape(images * grid * grid, pixels)
    slots = patches + len(LABELS) * np.arange(len(patches))[:, None]
    counts = np.bincount(slots.ravel(), minlength=len(LABELS) * len(patches))
    shares = counts.reshape(images, grid * grid, len(LABELS)) / pixels
    return shares.astype(np.float32)
