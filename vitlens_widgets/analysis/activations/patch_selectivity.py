"""How well features tell the patches on a class's thing from all others, with intervals.

The areas are of all patches, out of exact counts. How sure they are is a matter of images, whose
patches are not independent: that is found on the images and patches kept by lot, fewer than all,
so that intervals and luck are wider than those of all patches would be, never narrower in the mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from vitlens_widgets.analysis.activations.auc import Auc, areas, below, newcombe
from vitlens_widgets.analysis.activations.bins import N_BINS
from vitlens_widgets.analysis.activations.groups import Groups
from vitlens_widgets.analysis.activations.sampled import N_DRAWN

_Z = 1.959963984540054  # of a 95 % interval
_AT_ONCE = 256  # features
_LUCKY_FEATURES, _DEALS, _LUCK = 400, 10, 0.99


class Sample(NamedTuple):
    """The patches kept by lot, of images whose class is known."""

    bins: np.ndarray
    """uint8 `[image, feature, patch]`."""
    weight: np.ndarray
    """For how many patches of its image each one stands, `[image, patch]`."""
    group: np.ndarray
    """That of each patch, int64 `[image, patch]`: of a class, of others, or the rest."""


def sample_of(kept: Mapping[str, np.ndarray], groups: Groups) -> Sample:
    """Out of what was kept of a run."""
    known = (kept["sample lot"] >= 0) & (kept["sample group"] != groups.unknown)
    there = np.argsort(kept["sample lot"])  # in one order, wherever each is kept
    there = there[known[there]]
    things = kept["sample group"][there][:, None]
    both = np.concatenate([things, np.full_like(things, groups.rest)], 1)
    sizes = np.repeat(kept["sample size"][there], N_DRAWN, 1) / N_DRAWN
    return Sample(kept["sample bin"][there], sizes, np.repeat(both, N_DRAWN, 1))


def areas_of_patches(counts: np.ndarray, sample: Sample, groups: Groups) -> Auc:
    """Area and interval of each feature and class, each `[feature, class]`.

    Args:
        counts: How many patches of each group are in each bin, `[group, feature, bin]`.
        sample: Those kept by lot.
        groups: What they are counted by.

    Source:
        Obuchowski (1997), "Nonparametric analysis of clustered ROC curve data", equations 3 to 5,
        as Wald's interval; where Newcombe's (see `areas_and_intervals`) of as many images is wider,
        that one.
    """
    n_classes = len(groups.classes)
    every = counts.sum(0, dtype=np.int64) - counts[groups.unknown]
    auc = np.stack([areas(of, every - of) for of in counts[:n_classes]], -1)
    half = np.concatenate([_Z * np.sqrt(part) for part in _variances(sample, groups)])
    images = [(sample.group[:, 0] == one) & (sample.weight[:, 0] > 0) for one in range(n_classes)]
    n_of = np.array([float(one.sum()) for one in images])
    ends = [newcombe(auc, n_of, len(sample.group) - n_of, end) for end in (0.0, 1.0)]
    low, high = np.minimum(ends[0], auc - half), np.maximum(ends[1], auc + half)
    return Auc(auc, low.clip(0, 1), high.clip(0, 1))


def best_of_patches_by_luck(sample: Sample, groups: Groups, seed: int) -> float:
    """What the best class of a feature has where the classes of whole images are shuffled.

    Args:
        sample: Patches kept by lot.
        groups: What they are counted by.
        seed: Of the lots.
    """
    things = sample.group[:, 0]
    if len(np.unique(things)) < 2:
        return float("nan")
    rng = np.random.default_rng(seed)
    few = np.sort(rng.permutation(sample.bins.shape[1])[:_LUCKY_FEATURES])
    best: list[np.ndarray] = []
    for _ in range(_DEALS):
        dealt = np.concatenate(
            [np.repeat(rng.permutation(things)[:, None], N_DRAWN, 1), sample.group[:, N_DRAWN:]], 1
        )
        counts = _counts(sample._replace(bins=sample.bins[:, few], group=dealt), groups)
        every = counts.sum(1)
        found = [areas(of, every - of) for of in np.moveaxis(counts, 1, 0)[: len(groups.classes)]]
        best.append(np.nanmax(np.stack(found), 0))
    return float(np.quantile(np.concatenate(best), _LUCK))


def _counts(sample: Sample, groups: Groups) -> np.ndarray:
    """For how many patches those of each group stand in each bin, `[feature, group, bin]`."""
    n_groups = groups.n_of_patches
    bins = sample.bins.swapaxes(0, 1).astype(np.int64)  # [feature, image, patch]
    n = len(bins)
    at = (np.arange(n)[:, None, None] * n_groups + sample.group) * N_BINS + bins
    weights = np.broadcast_to(sample.weight, bins.shape)
    found = np.bincount(at.ravel(), weights.ravel(), minlength=n * n_groups * N_BINS)
    return found.reshape(n, n_groups, N_BINS)


def _variances(sample: Sample, groups: Groups) -> Iterator[np.ndarray]:
    """Of the areas, some features at a time, `[feature, class]`; 0 where nothing is known."""
    for first in range(0, sample.bins.shape[1], _AT_ONCE):
        some = sample._replace(bins=sample.bins[:, first : first + _AT_ONCE])
        counts = _counts(some, groups)
        bins = some.bins.swapaxes(0, 1).reshape(len(counts), -1).astype(np.int64)
        classes = range(len(groups.classes))
        yield np.stack([_variance(some, bins, counts, one) for one in classes], -1)


def _variance(sample: Sample, bins: np.ndarray, counts: np.ndarray, one: int) -> np.ndarray:
    """Of the area of one class, `[feature]`, images being independent of one another.

    Args:
        sample: Patches kept by lot.
        bins: Theirs, `[feature, image patch]`.
        counts: As of `_counts`.
        one: The class's group.
    """
    of, others = counts[:, one], counts.sum(1) - counts[:, one]
    is_of = sample.group == one
    mine, theirs = sample.weight * is_of, sample.weight * ~is_of  # [image, patch]
    shape = len(bins), *sample.group.shape
    under = np.take_along_axis(below(others), bins, 1).reshape(shape)
    over = np.take_along_axis(1 - below(of), bins, 1).reshape(shape)
    n_mine, n_theirs = mine.sum(1), theirs.sum(1)  # [image]
    first, second = np.einsum("fip,ip->fi", under, mine), np.einsum("fip,ip->fi", over, theirs)
    with np.errstate(invalid="ignore", divide="ignore"):
        area = (first.sum(1) / n_mine.sum())[:, None]
        first, second = first - n_mine * area, second - n_theirs * area
        total = _corrected(n_mine) * (first**2).sum(1) / n_mine.sum() ** 2
        total += _corrected(n_theirs) * (second**2).sum(1) / n_theirs.sum() ** 2
        both = _corrected(np.ones(len(mine))) * (first * second).sum(1)
        total += 2 * both / (n_mine.sum() * n_theirs.sum())
    return np.nan_to_num(total).clip(0)


def _corrected(sizes: np.ndarray) -> float:
    """n / (n - 1), of as many images as have any; 0 of a single one, which has no spread."""
    n = int((sizes > 0).sum())
    return n / (n - 1) if n > 1 else 0.0
