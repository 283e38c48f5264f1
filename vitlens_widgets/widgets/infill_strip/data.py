"""What InfillStrip sends to the browser: pictures in 8 bits, and exact numbers."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from einops import rearrange

from vitlens_widgets.errors import check_count
from vitlens_widgets.masks import cut
from vitlens_widgets.widgets.infill_strip.seam import InfillingLike
from vitlens_widgets.widgets.shared import pack
from vitlens_widgets.widgets.shared.seam import LayoutLike

PICTURES_LIMIT = 4_000_000
"""Bytes that the pictures of all states should not exceed; beyond, they are sent smaller."""

METRICS = ("mse", "psnr", "ssim")
REFERENCES = ("original", "final")


def description(infilling: InfillingLike, shrink: int, caption: str) -> dict[str, Any]:
    """Names and sizes, as JSON; `height` and `width` are those of the pictures as they are sent."""
    grid, (height, width) = infilling.layout, infilling.original.shape[1:3]
    return {
        "model_name": infilling.model_name,
        "lens_name": infilling.lens_name,
        "statistics": infilling.statistics,
        "state_names": list(infilling.state_names),
        "rows": grid.rows,
        "cols": grid.cols,
        "height": height // shrink,
        "width": width // shrink,
        "n_images": infilling.n_images,
        "caption": caption,
    }


def shrinkage(infilling: InfillingLike, size: int | None) -> int:
    """By which whole factor pictures are sent smaller: 1, unless they would be too large.

    It divides a patch, so that each patch keeps whole pixels.

    Args:
        infilling: What is to be shown.
        size: The longest side that is wanted; None leaves it to `PICTURES_LIMIT`.

    Raises:
        UsageError: A size that is no whole number from 1 on.
    """
    if size is not None:
        size = check_count("size, the longest side of the pictures in pixels,", size, least=1)
    height, width = infilling.original.shape[1:3]
    patch = (height // infilling.layout.rows, width // infilling.layout.cols)
    for factor in itertools.count(1):
        if factor > min(patch):
            return min(patch)  # one pixel a patch, or as near to it as the patch allows
        if any(side % factor for side in patch):
            continue
        n_bytes = 3 * (infilling.n_states + 1) * (height // factor) * (width // factor)
        if n_bytes <= PICTURES_LIMIT if size is None else max(height, width) // factor <= size:
            return factor
    return 1


def pictures(infilling: InfillingLike, shrink: int) -> dict[str, bytes]:
    """The image and each state's painting, with nothing pasted: uint8 `[..., height, width, 3]`."""
    states = range(infilling.n_states)
    painted = [_shrunk(infilling.pictures(state, paste=False)[0], shrink) for state in states]
    return {
        "_original": pack.uint8(_shrunk(infilling.original[0], shrink)),
        "_painted": pack.uint8(np.stack(painted)),
        "_painted_mask": pack.uint8(infilling.mask[0]),
    }


def _shrunk(picture: np.ndarray, factor: int) -> np.ndarray:
    """The mean of each `factor` x `factor` pixels, uint8."""
    if factor == 1:
        return picture
    blocks = rearrange(picture, "(row h) (col w) c -> row col c (h w)", h=factor, w=factor)
    return np.rint(blocks.mean(axis=-1)).astype(np.uint8)


def numbers(infilling: InfillingLike) -> dict[str, Any]:
    """Scores and errors, exact: float32.

    `_scores` is `[metric, reference, state]`, NaN where nothing is hidden. `_patch_errors` is
    `[reference, state, patch]`, the mean absolute error over a patch's pixels and colours.
    `_converged` is the state from which on the painting stays near the final one.
    """
    scores = [[infilling.score(m, reference)[:, 0] for reference in REFERENCES] for m in METRICS]
    states = range(infilling.n_states)
    errors = [
        [patch_means(infilling.error(state, reference)[0], infilling.layout) for state in states]
        for reference in REFERENCES
    ]
    return {
        "_scores": pack.float32(scores),
        "_patch_errors": pack.float32(errors),
        "_converged": int(infilling.converged()[0]),
    }


def patch_means(pixels: np.ndarray, grid: LayoutLike) -> np.ndarray:
    """The mean of each patch of `[height, width]`, float64 `[patch]`."""
    return cut(pixels, (grid.rows, grid.cols)).mean(axis=-1, dtype=float).reshape(-1)
