"""How well a score tells some images from others, out of counts of both in bins."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

_Z = 1.959963984540054  # of a 95 % interval
_HALVINGS = 30


class Auc(NamedTuple):
    """The area under the ROC curve, with its 95 % interval; each `[...]`, NaN without images."""

    auc: np.ndarray
    low: np.ndarray
    high: np.ndarray


def areas(of: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The share of pairs in which the first has the higher score, ties counting half.

    Args:
        of: How many of the first kind each bin has, `[..., bin]`, bins rising.
        others: Of the second kind.

    Returns:
        Float64 `[...]`; NaN where there are none of a kind.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        return (of * below(others)).sum(-1) / of.sum(-1)


def areas_and_intervals(of: np.ndarray, others: np.ndarray) -> Auc:
    """The same with an interval: the wider one, at each end, of DeLong's and Newcombe's.

    DeLong's is of the scores' own spread, and has no width where one kind is above all of the
    other; Newcombe's stays right there and with few images, and supposes that both kinds spread
    alike.

    Source:
        DeLong et al. (1988), "Comparing the Areas under Two or More Correlated Receiver Operating
        Characteristic Curves", equations 4 to 6, as Wald's interval; Newcombe (2006), "Confidence
        intervals for an effect size measure based on the Mann-Whitney statistic. Part 2", method 5.
    """
    n_of, n_others = of.sum(-1).astype(float), others.sum(-1).astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        under, above = below(others), 1 - below(of)
        auc = (of * under).sum(-1) / n_of
        spread = _variance(of, under, auc) + _variance(others, above, auc)
        half = _Z * np.sqrt(spread)
    low = np.minimum(newcombe(auc, n_of, n_others, 0.0), auc - half)
    high = np.maximum(newcombe(auc, n_of, n_others, 1.0), auc + half)
    return Auc(auc, low.clip(0, 1), high.clip(0, 1))


def below(counts: np.ndarray) -> np.ndarray:
    """The share of a kind that is below each bin, half of those in it, `[..., bin]`."""
    with np.errstate(invalid="ignore", divide="ignore"):
        rising = np.cumsum(counts, -1, dtype=np.float64)
        return (rising - counts / 2) / rising[..., -1:]


def _variance(counts: np.ndarray, component: np.ndarray, auc: np.ndarray) -> np.ndarray:
    """What one kind adds to the variance of the area: that of its components, over its number.

    0 of a single one, which has no spread.
    """
    n = counts.sum(-1).astype(float)
    squares = (counts * (component - auc[..., None]) ** 2).sum(-1)
    return np.where(n > 1, squares / np.maximum(n - 1, 1) / n, 0)


def newcombe(auc: np.ndarray, n_of: np.ndarray, n_others: np.ndarray, end: float) -> np.ndarray:
    """The farthest area towards 0 or 1, `end`, of which this one could be a draw, `[...]`.

    Args:
        auc: The area found.
        n_of: How many there are of the first kind.
        n_others: And of the second.
        end: 0 or 1.
    """
    near, far = auc.copy(), np.full_like(auc, end)
    with np.errstate(invalid="ignore", divide="ignore"):
        more = (n_of + n_others) / 2 - 1
        for _ in range(_HALVINGS):
            middle = (near + far) / 2
            kinds = 1 + more * ((1 - middle) / (2 - middle) + middle / (1 + middle))
            variance = middle * (1 - middle) * kinds / (n_of * n_others)
            inside = (middle - auc) ** 2 <= _Z**2 * variance
            near, far = np.where(inside, middle, near), np.where(inside, far, middle)
    return near
