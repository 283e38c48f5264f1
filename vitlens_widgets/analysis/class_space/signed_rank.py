"""Wilcoxon's signed-rank test of differences that have been counted, not kept."""

from __future__ import annotations

import numpy as np


def counted_differences(ours: np.ndarray, theirs: np.ndarray, most: int) -> np.ndarray:
    """How often each difference occurs, int64 `[2 * most + 1]`: from -most to most.

    Args:
        ours: Whole numbers of any shape.
        theirs: Of the same shape, at most `most` away.
        most: The largest difference there can be.
    """
    return np.bincount((ours - theirs).ravel() + most, minlength=2 * most + 1)


def signed_rank_p(counts: np.ndarray) -> float:
    """One-sided p: how likely such large differences are if they were symmetric around 0.

    The normal approximation, with its variance corrected for ties, without correction for
    continuity; differences of 0 are left out. That is `scipy.stats.wilcoxon(x, y,
    alternative="greater")` of the differences themselves, as SciPy has it for more than a few. NaN
    if all differences are 0.

    Args:
        counts: What `counted_differences` gave, summed over batches.

    Source:
        Wilcoxon (1945); Pratt & Gibbons (1981), chapter 3, for ties.
    """
    from scipy.stats import norm  # a second to import, and only this needs it

    middle = len(counts) // 2
    above, below = (part.astype(np.float64) for part in (counts[middle + 1 :], counts[:middle]))
    tied = above + below[::-1]  # how many have each absolute difference, from 1 on
    n = tied.sum()
    if not n:
        return float("nan")
    ranks = np.cumsum(tied) - (tied - 1) / 2
    mean = n * (n + 1) / 4
    variance = n * (n + 1) * (2 * n + 1) / 24 - (tied**3 - tied).sum() / 48
    return float(norm.sf(float(((above * ranks).sum() - mean) / np.sqrt(variance))))
