"""What is done to masks of pixels: cut into patches, counted, enlarged.

A grid is (rows, columns) of patches; leading axes are kept.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from einops import rearrange, repeat

from vitlens_widgets.errors import UsageError


def cut(mask: Any, grid: tuple[int, int]) -> np.ndarray:
    """The pixels of each patch, `[..., height, width]` to `[..., row, col, pixel]`.

    Args:
        mask: What each pixel shows, at any size that the grid divides.
        grid: Rows and columns of patches.

    Raises:
        UsageError: The grid does not tile the mask.
    """
    mask, (rows, cols) = np.asarray(mask), grid
    if mask.ndim < 2 or not mask.size or mask.shape[-2] % rows or mask.shape[-1] % cols:
        raise UsageError(
            f"A mask of pixels of shape {list(mask.shape)} cannot be cut into {rows} x {cols} "
            "patches; give [height, width], multiples of the rows and columns."
        )
    return rearrange(mask, "... (row h) (col w) -> ... row col (h w)", row=rows, col=cols)


def coverage(mask: Any, grid: tuple[int, int]) -> np.ndarray:
    """The share of each patch that a mask covers, float64 `[..., row, col]`.

    Args:
        mask: True (or not zero) where the thing is, `[..., height, width]`.
        grid: Rows and columns of patches.

    Raises:
        UsageError: The grid does not tile the mask.
    """
    return cut(np.asarray(mask) != 0, grid).mean(axis=-1)


def shares(mask: Any, n_labels: int, grid: tuple[int, int]) -> np.ndarray:
    """The share of each patch that each label covers, float64 `[..., row, col, label]`.

    Args:
        mask: The label of each pixel, whole numbers from 0 to `n_labels - 1`.
        n_labels: How many labels there are.
        grid: Rows and columns of patches.

    Raises:
        UsageError: The grid does not tile the mask.
    """
    patches = cut(mask, grid)
    *places, pixels = patches.shape
    slots = patches.reshape(-1, pixels) + n_labels * np.arange(np.prod(places))[:, None]
    counts = np.bincount(slots.ravel(), minlength=n_labels * len(slots))
    return counts.reshape(*places, n_labels) / pixels


def most_of_each_patch(
    mask: Any, grid: tuple[int, int], picture: tuple[int, int] | None = None
) -> np.ndarray:
    """What covers most of each patch, int64 `[row, col]`; of equal shares, the smallest number.

    Args:
        mask: What each pixel shows, whole numbers `[height, width]`, at any size that the patch
            grid divides.
        grid: Rows and columns of patches.
        picture: (height, width) of the picture as the model saw it, whose aspect the mask must
            have.

    Raises:
        UsageError: A mask of another kind, size or aspect.
    """
    mask, (rows, cols) = np.asarray(mask), grid
    whole = np.issubdtype(mask.dtype, np.integer) and mask.ndim == 2
    if not whole or mask.shape[0] % rows or mask.shape[1] % cols:
        raise UsageError(
            f"A mask must hold whole numbers [height, width] that {rows} x {cols} patches divide; "
            f"this one is {mask.dtype} {list(mask.shape)}."
        )
    if picture is not None:
        check_aspect(mask, picture)
    counted = [
        np.unique(patch, return_counts=True) for patch in cut(mask, grid).reshape(rows * cols, -1)
    ]
    most = [int(things[counts.argmax()]) for things, counts in counted]
    return np.array(most, np.int64).reshape(rows, cols)


def top_left(mask: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """The pixel at the top left of each patch, `[row, col]`, of a mask of any size.

    Where the grid does not divide the mask, pixels are chosen as OpenCV's INTER_NEAREST does.
    """
    rows, cols = (
        np.floor(np.arange(count) * (1 / (count / size))).astype(int)  # OpenCV's own rounding
        for count, size in zip(grid, mask.shape, strict=True)
    )
    return mask[np.ix_(rows, cols)]


def enlarged(patches: np.ndarray, patch_size: tuple[int, int]) -> np.ndarray:
    """The pixels of marked patches, `[..., row, col]` to `[..., height, width]`."""
    high, wide = patch_size
    return repeat(patches, "... row col -> ... (row h) (col w)", h=high, w=wide)


def check_aspect(mask: np.ndarray, picture: tuple[int, int]) -> None:
    """Refuse a mask that cannot be of this picture, such as one of the picture before cropping."""
    (height, width), (seen_height, seen_width) = mask.shape, picture
    if height * seen_width != width * seen_height:
        raise UsageError(
            f"A mask must be of the picture as the model saw it, {seen_height} x {seen_width}; "
            f"one of {height} x {width} has another aspect: crop and resize it like the picture."
        )
