"""Masks of pixels, brought to a model's patches."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.errors import UsageError
from vitlens_widgets.models import TokenLayout


def most_of_each_patch(mask: np.ndarray, layout: TokenLayout, picture: tuple[int, int]) -> Tensor:
    """What covers most of each patch, int64 `[row, col]`; of equal shares, the smallest number.

    Args:
        mask: What each pixel shows, whole numbers `[height, width]`, at any size that the patch
            grid divides.
        layout: The patch grid.
        picture: (height, width) of the picture as the model saw it, of the same aspect.

    Raises:
        UsageError: A mask of another kind, size or aspect.
    """
    mask = np.asarray(mask)
    rows, cols = layout.rows, layout.cols
    whole = np.issubdtype(mask.dtype, np.integer) and mask.ndim == 2
    if not whole or mask.shape[0] % rows or mask.shape[1] % cols:
        raise UsageError(
            f"A mask must hold whole numbers [height, width] that {rows} x {cols} patches divide; "
            f"this one is {mask.dtype} {list(mask.shape)}."
        )
    _check_aspect(mask, picture)
    patches = mask.reshape(rows, mask.shape[0] // rows, cols, mask.shape[1] // cols)
    pixels = patches.transpose(0, 2, 1, 3).reshape(rows * cols, -1)
    most = [np.unique(patch, return_counts=True) for patch in pixels]
    return torch.tensor([int(things[counts.argmax()]) for things, counts in most]).view(rows, cols)


def _check_aspect(mask: np.ndarray, picture: tuple[int, int]) -> None:
    """Refuse a mask that cannot be of this picture, such as one of the picture before cropping."""
    (height, width), (seen_height, seen_width) = mask.shape, picture
    if height * seen_width != width * seen_height:
        raise UsageError(
            f"A mask must be of the picture as the model saw it, {seen_height} x {seen_width}; "
            f"one of {height} x {width} has another aspect: crop and resize it like the picture."
        )
