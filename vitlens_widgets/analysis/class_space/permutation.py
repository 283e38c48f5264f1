"""Whether class-labelled tokens have more than context-labelled ones, by shuffling the labels."""

from __future__ import annotations

import numpy as np

SHUFFLES = 300
"""As many as the authors of the paper draw."""


def shuffled_ranks_p(counts: np.ndarray, shuffles: int = SHUFFLES, seed: int = 0) -> float:
    """One-sided p that class-labelled tokens have a better mean rank than context-labelled ones.

    The share of shuffles of the labels that give a larger difference than there is. Tokens of equal
    rank cannot be told apart, so that a shuffle is a draw of as many tokens as there are
    class-labelled ones out of the counts of both (multivariate hypergeometric): the test is that of
    the tokens themselves. NaN where one of the labels has no token.

    Args:
        counts: How many tokens have each rank, int64 `[label, rank]`, class-labelled first.
        shuffles: How many.
        seed: Of the shuffles.
    """
    both, drawn = counts.sum(axis=0), int(counts[0].sum())
    if not counts.sum(axis=1).all():
        return float("nan")
    rng = np.random.default_rng(seed)
    shuffled = rng.multivariate_hypergeometric(both, drawn, size=shuffles, method="marginals")
    places = np.arange(
        int(counts.shape[1])
    )  # a smaller sum of ranks is a larger difference of scores
    return float((shuffled @ places < counts[0] @ places).mean())


def shuffled_means_p(
    n: np.ndarray, difference: np.ndarray, total: np.ndarray, squares: np.ndarray
) -> np.ndarray:
    """One-sided p that the first of two groups has the larger mean, `[...]`.

    The difference of means under all shuffles of the labels has mean 0 and a variance that is known
    from the values together; with as many tokens as there are, it is normal. NaN where a group is
    empty or nothing varies.

    Args:
        n: How many values each group has, `[2, ...]`.
        difference: Of the groups' means, `[...]`.
        total: The sum of all values.
        squares: The sum of their squares.

    Source:
        Lehmann & Romano (2005), "Testing statistical hypotheses", section 15.2.
    """
    from scipy.stats import norm  # a second to import, and only this needs it

    with np.errstate(invalid="ignore", divide="ignore"):
        every = n.sum(axis=0)
        variance = (squares - total**2 / every) / (every - 1) * every / n.prod(axis=0)
        return norm.sf(difference / np.sqrt(np.where(variance > 0, variance, np.nan)))
