"""What a data set knows of what its images show, patch by patch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

if TYPE_CHECKING:
    from vitlens_widgets.analysis.activations import Activations
    from vitlens_widgets.data import Example


def shown_classes(
    found: Activations, number: int, example: Example, apart: list[int]
) -> np.ndarray:
    """The class that each patch shows, as a place among those counted apart, int64 `[patch]`.

    Of a data set that knows the class of each pixel (`class_mask`), that of more than half of the
    patch; of one with a mask for each image, its class where the mask is; else the image's class
    everywhere. -1 where there is none of them.

    Args:
        found: Where the data set is, and how the model sees it.
        number: Of the image.
        example: The image.
        apart: The classes that are counted apart.
    """
    every = np.full(found.layout.n_patches, -1, np.int64)
    if hasattr(found.data, "class_mask"):
        by_pixel = np.asarray(cast("Any", found.data).class_mask(number))
        for label in set(np.unique(by_pixel).tolist()) & set(apart):
            every[_patches(found, by_pixel == label)] = apart.index(label)
        return every
    if example.label in apart:
        on = slice(None) if example.mask is None else _patches(found, example.mask)
        every[on] = apart.index(example.label)
    return every


def _patches(found: Activations, mask: np.ndarray) -> np.ndarray:
    """Which patches show what a mask of a whole image shows, bool `[patch]`."""
    from PIL import Image

    painted = Image.fromarray(mask.astype(np.uint8) * 255).convert("RGB")
    seen = found.preprocessing.picture(painted)[..., 0] >= 128
    return (found.layout.coverage(seen) > 0.5).ravel()
