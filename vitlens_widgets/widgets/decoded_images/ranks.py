"""Does the picture tell the effect? The rank correlation over heads, with an interval."""

from __future__ import annotations

import numpy as np

from vitlens_widgets.ranks import spearman

LEVEL, RESAMPLES = 0.95, 1000
LEAST = 4
"""Heads below which there is no correlation to speak of."""


def told(similarity: np.ndarray, effects: np.ndarray) -> dict[str, float]:
    """Spearman's correlation of two numbers of heads, once all of them are there.

    Args:
        similarity: Of each head's picture to the input, `[head]`; NaN where it is not made.
        effects: Of each head's ablation, `[head]`.

    Returns:
        `rho`, and the ends `low` and `high` of a bootstrap interval: heads drawn with replacement,
        percentiles, 1,000 times; nothing while a number is missing, or where one of both is the
        same for all heads.
    """
    if len(effects) < LEAST or not np.isfinite([similarity, effects]).all():
        return {}
    drawn = np.random.default_rng(0).integers(0, len(effects), (RESAMPLES, len(effects)))
    many = spearman(similarity[drawn], effects[drawn])
    rho = spearman(similarity, effects)
    if not np.isfinite(rho):
        return {}
    tail = 50 * (1 - LEVEL)
    low, high = np.nanpercentile(many, [tail, 100 - tail])
    return {"rho": float(rho), "low": float(low), "high": float(high)}
