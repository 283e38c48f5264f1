"""What a classifier could be asked of a scene: its classes, and which share of each patch."""

from __future__ import annotations

import numpy as np
from einops import rearrange

from vitlens_widgets.masks import shares

from .labels import CLASSES, LABELS


def present_classes(masks: np.ndarray) -> np.ndarray:
    """Which classes each class mask `[image, H, W]` shows, float32 `[image, 16]`."""
    return np.stack(
        [np.bincount(m.ravel(), minlength=len(LABELS))[: len(CLASSES)] > 0 for m in masks]
    ).astype(np.float32)


def patch_coverage(masks: np.ndarray, grid: int) -> np.ndarray:
    """Share of each patch that each label covers, float32 `[image, grid * grid, 17]`."""
    covered = shares(masks, len(LABELS), (grid, grid))
    return rearrange(covered, "image row col label -> image (row col) label").astype(np.float32)
