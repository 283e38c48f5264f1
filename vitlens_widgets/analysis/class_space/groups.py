"""Models of different depth on one axis: means over runs of consecutive blocks."""

from __future__ import annotations

import numpy as np

from vitlens_widgets.errors import UsageError, check_count


def grouped(values: np.ndarray, groups: int) -> np.ndarray:
    """Means over as many runs of consecutive blocks, `[block]` to `[group]`.

    Args:
        values: One of each block.
        groups: How many; 12 of 24 blocks are pairs, as the paper draws ViT-L/16.

    Raises:
        UsageError: The depth is no multiple of it.
    """
    groups = check_count("blocks", groups, least=1)
    if len(values) % groups:
        raise UsageError(f"{len(values)} blocks cannot be put into {groups} equal groups.")
    return values.reshape(groups, -1).mean(axis=1)
