"""Pictures on which a feature's patches keep their colour, and all else is grey."""

from __future__ import annotations

import numpy as np

from vitlens_widgets.masks import enlarged

_LEAST, _SLOPE = 0.18, 0.95
_LUMA = np.array([0.299, 0.587, 0.114])


def spotlight(picture: np.ndarray, values: np.ndarray, most: float) -> np.ndarray:
    """The picture, in colour where the feature fires and in grey where it does not.

    A map laid over the patches would hide what it points at.

    Args:
        picture: uint8 `[height, width, 3]`, which the grid divides.
        values: Activations `[row, col]`.
        most: That of full colour.

    Returns:
        uint8 `[height, width, 3]`.
    """
    share = np.clip(values / most, 0, 1) if most > 0 else np.zeros_like(values)
    weight = np.where(share > 0, np.minimum(1, _LEAST + _SLOPE * share), 0)
    size = picture.shape[0] // values.shape[0], picture.shape[1] // values.shape[1]
    colored = enlarged(weight, size)[..., None]
    grey = (picture @ _LUMA)[..., None]
    return np.rint(colored * picture + (1 - colored) * grey).astype(np.uint8)
