"""Small pictures of a batch, to choose from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from PIL import Image

from vitlens_widgets.widgets.shared import pack

PICKED = 56
"""Longest side of the pictures beside a menu, pixels."""

MOST_PICKED = 12
"""Images up to which they stand there, as in js/lib/image_picks.js."""


def thumbs(pictures: Sequence[np.ndarray] | np.ndarray, longest: int) -> np.ndarray:
    """Pictures `[height, width, 3]` of one size, made no longer than that; uint8."""
    height, width = pictures[0].shape[:2]
    scale = min(1.0, longest / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    resized = (
        Image.fromarray(np.asarray(one, np.uint8)).resize(size, Image.Resampling.LANCZOS)
        for one in pictures
    )
    return np.stack([np.asarray(one) for one in resized])


def of_batch(n_images: int, picture: Callable[[int], np.ndarray]) -> tuple[bytes, dict[str, Any]]:
    """The bytes of a batch's small pictures, and their size for `_meta`; none of one image."""
    if not 1 < n_images <= MOST_PICKED:
        return b"", {}
    small = thumbs([picture(image) for image in range(n_images)], PICKED)
    return pack.uint8(small), {"thumb": list(small.shape[1:3])}
