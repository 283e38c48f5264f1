"""The area under an accuracy curve, as one number with its interval."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from vitlens_widgets.analysis.over_images import OverImages, half_width

Area = Literal["released", "mean"]
"""`"released"`: the mean of the accuracies over the largest of them, times (patches - 1) / patches,
which is the authors' `sum(accuracies) / (max(accuracies) * patches)` over patches - 1 points;
`"mean"`: the plain mean of the accuracies."""


def area(n: int, sums: np.ndarray, products: np.ndarray, n_patches: int, how: Area) -> OverImages:
    """The area under a curve of means over images.

    Args:
        n: How many images.
        sums: Sums over images of each image's values, `[point]`.
        products: Sums of their products, `[point, point]`.
        n_patches: How many patches an image has.
        how: See `Area`.

    Returns:
        One number; its deviation is that of what each image adds to it, to first order (the
        largest accuracy is one of the curve's points), so that both areas have 95 % intervals.
        A curve that is 0 throughout has no area as released: NaN.
    """
    mean = sums / n
    weights = np.full(len(mean), 1 / len(mean))
    value = mean @ weights
    if how == "released":
        weights, value = _normalised(mean, weights * (n_patches - 1) / n_patches)
    covariance = products / n - np.outer(mean, mean)
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = max(weights @ covariance @ weights, 0.0) * n / np.float64(n - 1)
    deviation = np.sqrt(variance) if n > 1 else np.float64(np.nan)
    half = half_width(np.asarray(deviation), np.asarray(n))
    numbers: Any = (np.float64(value), deviation, half, np.int64(n))  # arrays without axes
    return OverImages(*numbers)


def _normalised(mean: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, float]:
    """Of `mean @ weights / max(mean)`: its gradient in the means, and its value."""
    top = mean.argmax()
    if mean[top] == 0:
        return np.full(len(mean), np.nan), np.nan
    value = mean @ weights / mean[top]
    gradient = weights / mean[top]
    gradient[top] -= value / mean[top]
    return gradient, value
