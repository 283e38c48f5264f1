"""Rank correlations, and what they are by luck."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def spearman(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Spearman's rank correlation along the last axis.

    Args:
        first: `[..., n]`.
        second: `[..., n]`, or what broadcasts to it.

    Returns:
        Float64 `[...]`, ties sharing their mean rank; NaN where all of a side are one, or some are
        NaN.
    """
    return (_units(first) * _units(second)).sum(-1)


def permuted(
    first: np.ndarray,
    second: np.ndarray,
    n: int,
    rng: np.random.Generator,
    parts: Sequence[int] = (),
) -> np.ndarray:
    """The same with the second side in random orders, float64 `[..., n]`: what luck gives.

    Args:
        first: `[..., thing]`.
        second: `[thing]`.
        n: How many orders.
        rng: Draws them.
        parts: How many things each kind has, one after the other: each changes places with those of
            its kind alone, so that what kinds differ by is no luck. One kind by default.
    """
    every = np.tile(_units(second), (n, 1))
    kinds = np.split(every, np.cumsum(parts)[:-1].astype(int), axis=-1)
    orders = np.concatenate([rng.permuted(kind, axis=-1) for kind in kinds], axis=-1)
    return _units(first) @ orders.T


def _units(values: np.ndarray) -> np.ndarray:
    """Ranks less their mean, of length 1."""
    from scipy.stats import rankdata  # a second to import, and only this needs it

    values = np.asarray(values, np.float64)
    ranks = rankdata(values, axis=-1) - (values.shape[-1] + 1) / 2
    ranks = np.where(np.isnan(values).any(-1, keepdims=True), 0, ranks)
    with np.errstate(invalid="ignore", divide="ignore"):
        return ranks / np.sqrt((ranks**2).sum(-1, keepdims=True))
