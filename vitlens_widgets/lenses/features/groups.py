"""Groups of patches with like features, found by k-means, that keep their numbers over states."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from vitlens_widgets.progress import progress


def groups(units: np.ndarray, k: int, seed: int, like: np.ndarray | None = None) -> np.ndarray:
    """Which of k groups each unit vector belongs to, int64 `[patch]`; 0 is the largest.

    Source: k-means, Lloyd's steps until nothing changes, as scikit-learn has it: from the means of
    the groups in `like`, where none is empty; else the best of four starts of Arthur &
    Vassilvitskii (2007), "k-means++".
    """
    from sklearn.cluster import KMeans

    drawn = np.random.RandomState(np.random.MT19937(seed))  # scikit-learn takes smaller seeds alone
    settings: dict[str, Any] = {"n_init": 4, "tol": 0, "random_state": drawn}  # mistyped there
    if like is not None and np.bincount(like, minlength=k).all():
        settings |= {"n_init": 1, "init": np.stack([units[like == i].mean(0) for i in range(k)])}
    found = np.asarray(KMeans(k, **settings).fit(units).labels_, np.int64)
    order = np.argsort(-np.bincount(found, minlength=k), kind="stable")
    return np.argsort(order)[found]


def renamed(found: np.ndarray, later: np.ndarray, k: int) -> np.ndarray:
    """The same groups under the numbers of those of a later state that share most patches."""
    shared = np.zeros((k, k), np.int64)
    np.add.at(shared, (found, later), 1)
    _, numbers = linear_sum_assignment(-shared)
    return numbers[found]


def grouped(
    every: Iterable[list[np.ndarray]], k: int, seed: int, n_states: int
) -> list[list[np.ndarray]]:
    """Groups of each state, the first first, of bases given from the last state on.

    Each state begins where the groups of the next one are, which is several times as fast as four
    starts, and finds groups that last.
    """
    found: list[list[np.ndarray]] = []
    for bases in progress(every, "groups of patches", n_states):
        if not found:
            found = [[groups(units, k, seed) for units in bases]]
            continue
        pairs = [*zip(bases, found[0], strict=True)]
        found.insert(0, [renamed(groups(of, k, seed, next_), next_, k) for of, next_ in pairs])
    return found
