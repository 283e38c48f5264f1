"""Which few directions of many say most of how some vectors vary."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

_NOTHING = 1e-9
"""A variance, relative to the mean square of the vectors, that is rounding."""


class Moments(NamedTuple):
    """What is known of vectors: sums over them.

    Attributes:
        n: How many.
        total: Their sum, float64 `[feature]`.
        products: The sum of their outer products, float64 `[feature, feature]`.
    """

    n: int
    total: np.ndarray
    products: np.ndarray

    def covariance(self) -> np.ndarray:
        """Of the vectors less their mean, divided by how many they are."""
        mean = self.total / self.n
        return self.products / self.n - np.outer(mean, mean)


class Chosen(NamedTuple):
    """Directions in the order in which they were taken.

    Attributes:
        which: Their numbers, int64 `[n]`; -1 where nothing was left to say.
        explained: The share of the variance that they say together, float64 `[n]`.
    """

    which: np.ndarray
    explained: np.ndarray


def greedy_span(moments: Moments, directions: np.ndarray, n: int, rank: int) -> Chosen:
    """Take, `n` times, the direction along which the vectors vary most, and take it away.

    Directions are first projected on the span of the vectors, of their `rank` main axes; then the
    vectors, less their mean, are projected on each direction as long as it still is, the one with
    the largest variance is taken, and it is removed from vectors and directions.

    Vectors and directions have no other part than that in the axes, so all of it is done there, and
    of the vectors nothing but their covariance is needed.

    Args:
        moments: Of the vectors.
        directions: Float64 `[direction, feature]`, as long as they are compared.
        n: How many are taken.
        rank: How many axes at most.

    Source: Gandelsman, Efros & Steinhardt (2024), algorithm 1; the axes are those of the authors'
    released code.
    """
    axes = _main_axes(moments.products, rank)
    covariance = moments.covariance()
    whole = float(np.trace(covariance))
    within, texts = axes.T @ covariance @ axes, directions @ axes
    which, explained = np.full(n, -1, np.int64), np.zeros(n)
    least = _NOTHING * float(np.trace(moments.products)) / moments.n
    for step in range(n):
        variances = np.einsum("tf,fg,tg->t", texts, within, texts)
        best = int(variances.argmax())
        length = float(texts[best] @ texts[best])
        if variances[best] <= least * length or length == 0:
            explained[step:] = explained[step - 1] if step else 0.0
            break
        which[step] = best
        rest = np.eye(len(within)) - np.outer(texts[best], texts[best]) / length
        within, texts = rest @ within @ rest, texts @ rest
        explained[step] = explained[step - 1] + variances[best] / length / whole
    return Chosen(which, explained)


def _main_axes(products: np.ndarray, rank: int) -> np.ndarray:
    """Orthonormal axes of the span, the main ones first, `[feature, axis]`."""
    lengths, axes = np.linalg.eigh(products)
    there = lengths > _NOTHING * max(float(lengths[-1]), np.finfo(np.float64).tiny)
    return axes[:, there][:, ::-1][:, :rank]
