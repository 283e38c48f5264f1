"""A head that is chosen on some images and judged on others, beside all other heads.

The head that does best looks better than it is: it is judged where it was not chosen.
"""

from __future__ import annotations

import zlib

import numpy as np

from vitlens_widgets.data import Example


def is_to_choose(example: Example) -> bool:
    """Whether an image is one to choose on, whatever batch it is in."""
    return zlib.crc32(example.name.encode()) % 2 == 0


def of_others(values: np.ndarray) -> np.ndarray:
    """For each head, the mean of all others: `[image, layer, head]`.

    That is what a head drawn by lot does.
    """
    n = values[0].size
    total = values.sum((1, 2), keepdims=True)
    return (total - values) / (n - 1) if n > 1 else np.full(values.shape, np.nan)
