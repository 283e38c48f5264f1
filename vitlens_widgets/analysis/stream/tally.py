"""Numbers that are added up over batches, and what they say of all images.

A tally is an array whose sums over batches are the tally of all their images together. That is why
an experiment needs no more memory for more images, and why it can be stopped and go on.
"""

from __future__ import annotations

import numpy as np

from vitlens_widgets.analysis.over_images import OverImages, half_width


def tally(values: np.ndarray, of: np.ndarray | None = None) -> np.ndarray:
    """What a batch adds to a mean over images, or to a ratio of sums.

    Args:
        values: `[image, ...]`; NaN where an image has no value.
        of: What each value is a part of, of the same shape, such as hits and the number of tokens
            that could be hit; 1 by default. An image where it is 0 does not count.

    Returns:
        Float64 `[6, ...]`: number of images, and the sums of `of`, `values`, `of`^2,
        `of * values` and `values`^2 over them.
    """
    values = np.asarray(values, dtype=np.float64)
    of = np.ones_like(values) if of is None else np.asarray(of, dtype=np.float64)
    there = ~np.isnan(values) & (of > 0)
    v, t = np.where(there, values, 0), np.where(there, of, 0)
    return np.stack([part.sum(axis=0) for part in (there, t, v, t * t, t * v, v * v)])


def pooled(added: np.ndarray) -> np.ndarray:
    """The mean over images, or the ratio of the sums, `[...]`; NaN where nothing was counted."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return added[2] / added[1]


def spread(added: np.ndarray) -> OverImages:
    """What a tally says of all images: mean, deviation and 95 % interval.

    For a mean these are as `over_images` has them. For a ratio R of sums, the deviation is that of
    `(value - R of) / mean of`, by which the ratio is, to first order, a mean over images.

    Source:
        Cochran (1977), "Sampling techniques", section 2.11, for the ratio.
    """
    n = added[0]
    ratio = pooled(added)
    with np.errstate(invalid="ignore", divide="ignore"):
        squares = added[5] - 2 * ratio * added[4] + ratio**2 * added[3]
        per_image = np.sqrt(np.maximum(squares, 0) / np.where(n > 1, n - 1, np.nan))
        deviation = per_image * n / added[1]
    return OverImages(ratio, deviation, half_width(deviation, n), n.astype(np.int64))
