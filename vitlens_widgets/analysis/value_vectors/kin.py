"""Whether the classes that one value vector promotes belong together."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from vitlens_widgets.data import Kinship
from vitlens_widgets.errors import UsageError


class KinshipTest(NamedTuple):
    """How near the two first classes of each vector are, beside chance."""

    similarity: float
    """Mean path similarity of the two classes, over vectors."""
    shuffled: float
    """The same where each vector's second class is dealt to another vector: the mean over deals."""
    p: float
    """One-sided, that chance gives as much: the share of deals (this order among them) that do."""


def kinship_test(
    pairs: np.ndarray, kinship: Kinship, n_random: int = 300, seed: int = 0
) -> KinshipTest:
    """Whether pairs of classes are nearer in a tree of kinds than when they are dealt anew.

    Args:
        pairs: Two classes of each vector, int64 `[vector, 2]`. Pairs with a class that stands
            nowhere in the tree, such as a background, do not count.
        kinship: The tree.
        n_random: How many deals.
        seed: Of the deals.

    Raises:
        UsageError: No pair is left.
    """
    pairs = pairs[[all(kinship.is_known(int(c)) for c in pair) for pair in pairs]]
    if not len(pairs):
        raise UsageError("No two of these classes stand in the tree of kinds.")
    known, places = np.unique(pairs, return_inverse=True)
    similar = np.array([[kinship.similarity(int(a), int(b)) for b in known] for a in known])
    first, second = places.reshape(pairs.shape).T
    rng = np.random.default_rng(seed)
    dealt = [rng.permutation(second) for _ in range(n_random)]
    shuffled = np.array([similar[first, one][first != one].mean() for one in dealt])
    mean = similar[first, second].mean()
    p = (1 + (shuffled >= mean).sum()) / (1 + n_random)
    return KinshipTest(float(mean), float(shuffled.mean()), float(p))
