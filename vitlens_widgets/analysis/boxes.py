"""Five numbers that stand for many: a median, its quartiles, and how far the rest reaches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_REACH = 1.5
"""How many heights of the box a whisker may be long (Tukey 1977, "Exploratory data analysis")."""


@dataclass(frozen=True, eq=False)
class Boxes:
    """What box plots draw, each `[...]`; NaN where there was nothing.

    Attributes:
        low: The smallest value that is no further below the box than 1.5 times its height.
        lower: The lower quartile: the smallest value with a quarter of all at or below it.
        median: The same for half.
        upper: The same for three quarters.
        high: The largest value that is no further above the box than 1.5 times its height.
    """

    low: np.ndarray
    lower: np.ndarray
    median: np.ndarray
    upper: np.ndarray
    high: np.ndarray


def quantile(counts: np.ndarray, values: np.ndarray, q: float) -> np.ndarray:
    """The smallest value with at least a share q at or below it, `[...]`; NaN where none are.

    Args:
        counts: How often each value occurs, int64 `[..., value]`.
        values: Rising, `[..., value]`.
        q: A share, from 0 to 1.
    """
    below = counts.cumsum(axis=-1)
    n = below[..., -1:]
    place = (below >= np.maximum(q * n, 1)).argmax(axis=-1)
    values = np.broadcast_to(values, counts.shape)
    found = np.take_along_axis(values, place[..., None], axis=-1)[..., 0]
    return np.where(n[..., 0] > 0, found, np.nan)


def boxes_of_counts(counts: np.ndarray, values: np.ndarray) -> Boxes:
    """Boxes of values that have been counted; see `quantile`."""
    lower, median, upper = (quantile(counts, values, q) for q in (0.25, 0.5, 0.75))
    reach = _REACH * (upper - lower) + 1e-9  # scores are rounded: an end may be one of them
    with np.errstate(invalid="ignore"):
        near = (values >= (lower - reach)[..., None]) & (values <= (upper + reach)[..., None])
    within = np.where(near, counts, 0)
    low, high = (quantile(within, values, q) for q in (0, 1))
    return Boxes(low, lower, median, upper, high)


def boxes_of(values: np.ndarray) -> Boxes:
    """Boxes of values along the last axis."""
    return boxes_of_counts(np.ones(values.shape, np.int64), np.sort(values, axis=-1))


def boxes_of_ranks(counts: np.ndarray) -> Boxes:
    """Boxes of identifiability scores, of which the ranks have been counted.

    Args:
        counts: How many tokens have the true class at each rank from 1, int64 `[..., rank]`.
    """
    return boxes_of_counts(counts[..., ::-1], rising_scores(counts.shape[-1]))


def rising_scores(n_classes: int) -> np.ndarray:
    """The scores that there are, `1 - (rank - 1) / n_classes`, from the worst rank to the best."""
    return np.arange(1, n_classes + 1) / n_classes
