"""Principal components of patch features, turned so that those of one state follow the next's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np

N_COMPONENTS = 3
LOW, HIGH = 2, 98
"""Percentiles that are shown as -1 and 1."""
_ROUNDING = 1e-6
"""Of the largest score; a component below it is what float32 features leave of none."""


@dataclass(frozen=True)
class Components:
    """Scores of patches on their first principal components.

    Attributes:
        scores: float64 `[patch, component]`, centred; columns are orthogonal axes of the features,
            0 where the features span fewer.
        total: The summed variance of all features, times the number of patches.
    """

    scores: np.ndarray
    total: float

    @property
    def variance(self) -> np.ndarray:
        """The share of all variance along each axis, `[component]`; 0 where nothing varies."""
        return (self.scores**2).sum(0) / self.total if self.total else np.zeros(N_COMPONENTS)

    def turned(self, towards: np.ndarray) -> Components:
        """The same plane under the orthogonal turn that brings its scores nearest to others.

        Args:
            towards: Scores of the same patches in another state, `[patch, component]`.

        Source: Schönemann (1966), "A generalized solution of the orthogonal Procrustes problem".
        """
        left, _, right = np.linalg.svd(self.scores.T @ towards)
        return Components(self.scores @ (left @ right), self.total)


def components(features: np.ndarray) -> Components:
    """The first three principal components of features `[patch, d]`, largest first.

    From the eigenvectors of the smaller of the two products of the centred features with
    themselves, in float64, which are those of the singular value decomposition.

    Source: Pearson (1901); Oquab et al. (2023), "DINOv2", figure 1, for their use as colours.
    """
    from scipy import linalg  # only this needs it

    centred = features.astype(np.float64)
    centred -= centred.mean(0)
    few = centred.shape[0] < centred.shape[1]
    product = centred @ centred.T if few else centred.T @ centred
    n = len(product)
    found = min(N_COMPONENTS, n)
    solved = cast("Any", linalg).eigh(product, subset_by_index=[n - found, n - 1])
    values, vectors = cast("tuple[np.ndarray, np.ndarray]", solved)
    values, vectors = values[::-1].clip(min=0), vectors[:, ::-1]
    scores = np.zeros((len(features), N_COMPONENTS))
    scores[:, :found] = vectors * np.sqrt(values) if few else centred @ vectors
    return Components(scores, float((centred**2).sum()))


def signs(scores: np.ndarray, border: np.ndarray) -> np.ndarray:
    """1 or -1 for each component: how a picture is lit.

    The first component is lower on the picture's border than inside, so that the figure is light;
    of the others, and of the first where there is no inside, the longer tail is positive.

    Args:
        scores: `[patch, component]`.
        border: Which patches lie on the border of their picture, bool `[patch]`.
    """
    low, middle, high = np.percentile(scores, [LOW, 50, HIGH], axis=0)
    found = np.where(high - middle < middle - low, -1.0, 1.0)
    if border.any() and not border.all():
        brighter = scores[border, 0].mean() > scores[~border, 0].mean()
        found[0] = -1.0 if brighter else 1.0
    return found


def shown(scores: np.ndarray) -> np.ndarray:
    """Each component from its 2nd to its 98th percentile to -1 .. 1; beyond, the end itself.

    0 where a component does not vary. `[patch, component]` to float32 of the same shape.
    """
    low, high = np.percentile(scores, [LOW, HIGH], axis=0)
    middle, half = (low + high) / 2, (high - low) / 2
    varies = half > _ROUNDING * np.abs(scores).max(initial=0)
    scaled = (scores - middle) / np.where(varies, half, 1)
    return np.where(varies, scaled.clip(-1, 1), 0).astype(np.float32)


def figure(first: np.ndarray) -> np.ndarray:
    """Which patches are above Otsu's threshold of the first component, bool `[patch]`."""
    from skimage import filters  # half a second to import, and only this needs it

    threshold: float = cast("Any", filters).threshold_otsu(first)
    return first > threshold
