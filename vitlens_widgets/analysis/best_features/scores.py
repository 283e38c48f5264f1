"""F1 of features as detectors: a feature and a threshold chosen on some images, judged on others.

Activations are in the bins of `analysis.activations`, four to an octave; a threshold is the lower
end of a bin. Counts are exact.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from vitlens_widgets.analysis.activations.bins import N_BINS

_DRAWN = 1000
"""Samples of the bootstrap."""


class ChosenFeatures(NamedTuple):
    """The best feature for each truth, `[truth]` each."""

    feature: np.ndarray
    """-1 where there is none: the truth is nowhere."""
    bin: np.ndarray
    """From which bin on it counts as on."""
    f1: np.ndarray
    """Where it was chosen."""


def chosen(bins: np.ndarray, truths: np.ndarray) -> ChosenFeatures:
    """The feature and the threshold of the largest F1.

    Args:
        bins: Activations in bins, uint8 `[token, feature]`.
        truths: What is true of each token, bool `[token, truth]`.
    """
    every = _at_least(bins)
    best = [_best(bins, every, truths[:, one]) for one in range(truths.shape[1])]
    feature, at, f1 = (np.array(column) for column in zip(*best, strict=True))
    return ChosenFeatures(feature, at, f1)


def _at_least(bins: np.ndarray) -> np.ndarray:
    """How many tokens are in each bin or above, int64 `[feature, bin]`."""
    n_features = bins.shape[1]
    firsts = np.arange(n_features, dtype=np.int64) * N_BINS
    counts = np.bincount(np.add(bins, firsts).ravel(), minlength=N_BINS * n_features)
    return counts.reshape(n_features, N_BINS)[:, ::-1].cumsum(1)[:, ::-1]


def _best(bins: np.ndarray, every: np.ndarray, true: np.ndarray) -> tuple[int, int, float]:
    there = int(true.sum())
    if not there:
        return -1, 0, float("nan")
    right = _at_least(bins[true])
    f1 = 2 * right[:, 1:] / (every[:, 1:] + there)  # what is silent is off
    feature, at = np.unravel_index(f1.argmax(), f1.shape)
    return int(feature), int(at) + 1, float(f1[feature, at])


def counts(bins: np.ndarray, truths: np.ndarray, by: ChosenFeatures) -> np.ndarray:
    """Of each image: true and on, true, and on; int64 `[image, truth, 3]`.

    Args:
        bins: Activations in bins, uint8 `[image, token, feature]`.
        truths: Bool `[image, token, truth]`.
        by: What was chosen, on other images.
    """
    on = bins[:, :, np.maximum(by.feature, 0)] >= by.bin
    return np.stack([(on & truths).sum(1), truths.sum(1), on.sum(1)], -1)


def f1_of(found: np.ndarray) -> np.ndarray:
    """F1 of counts `[..., truth, 3]`; NaN where the truth is nowhere."""
    right, true, on = (found[..., i].astype(float) for i in range(3))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(true > 0, 2 * right / (true + on), np.nan)


def drawn_again(n_images: int, seed: int = 0) -> np.ndarray:
    """How often each image is in each sample of the bootstrap, int64 `[sample, image]`."""
    lots = np.random.default_rng(seed)
    return lots.multinomial(n_images, np.full(n_images, 1 / n_images), size=_DRAWN)


def over_samples(found: np.ndarray, often: np.ndarray) -> np.ndarray:
    """F1 in each sample, `[sample, truth]`, of the counts of each image."""
    totals = np.tensordot(often, found, (1, 0))
    return f1_of(totals)
