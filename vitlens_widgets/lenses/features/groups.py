"""Groups of patches with like features, found by k-means, that keep their numbers over states."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment


def groups(units: np.ndarray, k: int, seed: int) -> np.ndarray:
    """Which of k groups each unit vector belongs to, int64 `[patch]`; 0 is the largest.

    Source: k-means with the first centres of Arthur & Vassilvitskii (2007), "k-means++", as
    scikit-learn has it, the best of four starts.
    """
    from sklearn.cluster import KMeans

    drawn = np.random.RandomState(np.random.MT19937(seed))  # scikit-learn takes smaller seeds alone
    settings: dict[str, Any] = {"n_init": 4, "tol": 0, "random_state": drawn}  # mistyped there
    found = np.asarray(KMeans(k, **settings).fit(units.astype(np.float64)).labels_, np.int64)
    order = np.argsort(-np.bincount(found, minlength=k), kind="stable")
    return np.argsort(order)[found]


def renamed(found: np.ndarray, later: np.ndarray, k: int) -> np.ndarray:
    """The same groups under the numbers of those of a later state that share most patches."""
    shared = np.zeros((k, k), np.int64)
    np.add.at(shared, (found, later), 1)
    _, numbers = linear_sum_assignment(-shared)
    return numbers[found]


def grouped(every: Iterable[list[np.ndarray]], k: int, seed: int) -> list[list[np.ndarray]]:
    """Groups of each state, the first first, of bases given from the last state on."""
    found: list[list[np.ndarray]] = []
    for bases in every:
        own = [groups(units, k, seed) for units in bases]
        later = found[0] if found else own
        found.insert(0, [renamed(*pair, k) for pair in zip(own, later, strict=True)])
    return found
