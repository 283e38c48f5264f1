"""Numbers of all features as bytes: a few of each, and a small histogram."""

from __future__ import annotations

from typing import Any

import numpy as np

from vitlens_widgets.widgets.features.seam import CatalogueLike
from vitlens_widgets.widgets.shared import pack

FIRST_BIN = 2
"""The bins before it are of what is silent, and of what is too faint to be told apart."""

SPARK_BINS = 24
"""Bins of a small histogram, the last one that of the largest activation."""

FIRES_FROM = 1 / 5
"""Of its largest activation: from there a neuron is said to fire. A latent fires above 0."""

SELECTIVE = 0.9
"""The area from which a feature is said to find a class."""

NUMBERS = ("selectivity", "largest", "density", "mean", "share")
"""Numbers of each feature, in the order in which they are sent; NaN where one is not known."""


def fires(source: CatalogueLike, counts: np.ndarray) -> np.ndarray:
    """On how many of some patches each feature fires, `[layer, feature]`.

    Counted are the bins that lie above the bound as a whole.

    Args:
        source: Who knows the features.
        counts: How many of these patches fall in each bin, `[layer, feature, bin]`.
    """
    if source.kind == "latent":
        return counts[..., 1:].sum(-1)
    at_least = np.flip(np.cumsum(np.flip(counts, -1), -1), -1)
    bound = np.maximum(source.largest, 0) * FIRES_FROM
    first = np.searchsorted(source.edges[:-1], bound.ravel()).reshape(bound.shape)
    first = np.clip(first, 1, counts.shape[-1] - 1)
    found = np.take_along_axis(at_least, first[..., None], -1)[..., 0]
    return np.where(source.largest > 0, found, 0)


def density(source: CatalogueLike) -> np.ndarray:
    """The share of patches on which each feature fires, `[layer, feature]`."""
    return fires(source, source.counts) / np.maximum(source.counts.sum(-1), 1)


def share(source: CatalogueLike, of_best: np.ndarray) -> np.ndarray:
    """Of the patches on which each feature fires, the share that show its best class.

    Args:
        source: Who knows the features.
        of_best: Counts of the patches of that class, `[layer, feature, bin]`.

    Returns:
        `[layer, feature]`, NaN where it fires on none.
    """
    of_all = fires(source, source.counts)
    unknown = np.full(of_all.shape, np.nan)
    return np.divide(fires(source, of_best), of_all, out=unknown, where=of_all > 0)


LEVELS = 15
"""Heights of a small histogram above 0."""


def sparks(counts: np.ndarray, of_best: np.ndarray) -> np.ndarray:
    """Small histograms, uint8 `[feature, bin]`: logs of counts, of all features on one scale.

    A byte has two heights, that of all patches and below it that of the best class's.

    Args:
        counts: Of all features, `[feature, bin]`.
        of_best: Of the patches of the class that each feature tells best.
    """
    there = counts[:, FIRST_BIN:] > 0
    n_bins = counts.shape[1]
    last = np.where(there.any(1), n_bins - 1 - there[:, ::-1].argmax(1), -1)
    at = last[:, None] - np.arange(SPARK_BINS - 1, -1, -1)
    both = (
        np.where(at >= FIRST_BIN, np.take_along_axis(of, np.maximum(at, 0), 1), 0)
        for of in (counts, of_best)
    )
    every, best = (np.log1p(shown) for shown in both)
    most = max(every.max(initial=0), 1e-9)
    high, low = (np.ceil(LEVELS * logs / most).astype(np.uint8) for logs in (every, best))
    return high * (LEVELS + 1) + low


def table(auc: np.ndarray) -> np.ndarray:
    """How many features find each class, int32 `[layer, class]`."""
    return (np.nan_to_num(auc) >= SELECTIVE).sum(1).astype(np.int32)


def best_class(auc: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The class that each feature tells best, -1 for none, and how well, `[layer, feature]`."""
    known = np.where(np.isnan(auc), -np.inf, auc)
    best = known.argmax(-1)
    area = np.take_along_axis(known, best[..., None], -1)[..., 0]
    return np.where(np.isfinite(area), best, -1), np.where(np.isfinite(area), area, np.nan)


def packed(source: CatalogueLike) -> dict[str, Any]:
    """The traits that hold numbers of all features."""
    found = source.selectivity
    shape = source.largest.shape
    nobody = np.full(shape, -1), np.full(shape, np.nan)
    best, area = nobody if found is None else best_class(found.auc)
    flat = source.counts.reshape(-1, source.counts.shape[-1])
    of_best = np.zeros_like(flat) if found is None else source.counts_of_best(best.ravel())
    of_class = nobody[1] if found is None else share(source, of_best.reshape(source.counts.shape))
    numbers = [area, source.largest, density(source), source.mean, of_class]
    traits: dict[str, Any] = {
        "_numbers": pack.float32(np.stack([one.ravel() for one in numbers])),
        "_best": pack.ids(best.ravel(), max(len(source.labels), 1)),
        "_sparks": pack.uint8(sparks(flat, of_best)),
        "_table": b"" if found is None else pack.int32(table(found.auc)),
        "_areas": b"",
    }
    if found is not None:
        codes = np.where(np.isnan(found.auc), 0, 1 + np.rint(found.auc * 65534))
        by_class = np.moveaxis(codes, -1, 0).reshape(found.auc.shape[-1], -1)
        traits["_areas"] = by_class.astype("<u2").tobytes()
    return traits


def described(source: CatalogueLike, caption: str) -> dict[str, Any]:
    """Names and sizes, as JSON."""
    selectivity = source.selectivity
    return {
        "model_name": source.model_name,
        "site": source.site,
        "kind": source.kind,
        "layers": list(source.layers),
        "n_layers": source.n_layers,
        "width": source.width,
        "n_data": source.n_data,
        "n_patches": int(source.counts[0, 0].sum()),
        "rows": source.layout.rows,
        "cols": source.layout.cols,
        "prefix": list(source.layout.prefix),
        "edges": np.clip(source.edges, -1e30, 1e30).tolist(),
        "null": None if selectivity is None else float(selectivity.null),
        "score": "" if selectivity is None else selectivity.words,
        "has_classes": selectivity is not None,
        "n_images": source.n_images,
        "readout_name": source.readout_name,
        "answers_are": source.answers_are,
        "n_answers": len(source.answers),
        "picture_size": list(source.picture(0).shape[:2]) if source.n_images else [0, 0],
        "caption": caption,
    }
