"""What a reading of features finds, as plain arrays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class StateFeatures(NamedTuple):
    """The principal components of one state's patches, as they are shown."""

    components: np.ndarray
    """float32 `[image, row, col, 3]`, -1 .. 1; NaN where a patch was dropped."""
    variance: np.ndarray
    """The share of all variance along each of them, `[basis, 3]`."""
    foreground: np.ndarray
    """Where the first is above Otsu's threshold, bool `[image, row, col]`."""


class PatchSimilarity(NamedTuple):
    """How like one token every token is: cosines, float32."""

    patches: np.ndarray
    """`[state, image, row, col]`; NaN where a patch was dropped."""
    prefix: np.ndarray
    """`[state, image, prefix token]`."""
