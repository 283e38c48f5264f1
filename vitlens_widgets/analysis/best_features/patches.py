"""What is true of each patch of an image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from vitlens_widgets.analysis.class_space.token_labels import cover_of_patches
from vitlens_widgets.data.truths import Masks
from vitlens_widgets.trace import ViT

PARTS, LEAST, LEAST_OF_PARTS = "part", 0.5, 0.1
"""Parts are smaller than patches: a patch shows one of which it has a tenth."""


class TruthsOfPatches:
    """Says of each patch what is true of it.

    Args:
        vit: The model whose patches are meant.
        names: What may be true, by its kind.
        least: Which share of a patch's pixels make it true of the patch, by kind.
    """

    def __init__(
        self, vit: ViT, names: Mapping[str, Sequence[str]], least: Mapping[str, float]
    ) -> None:
        self._vit, self._least = vit, least
        self._place = {
            key: place
            for place, key in enumerate((kind, name) for kind in names for name in names[kind])
        }

    def of(self, truths: Masks) -> np.ndarray:
        """Bool `[patch, truth]`, from masks of the whole image, which go through the cropping."""
        found = np.zeros((self._vit.layout.n_patches, len(self._place)), bool)
        seen: dict[int, np.ndarray] = {}  # one mask may be of several truths
        for kind, masks in truths.items():
            for name, mask in masks.items():
                if id(mask) not in seen:
                    seen[id(mask)] = cover_of_patches(mask, self._vit)
                found[:, self._place[kind, name]] = seen[id(mask)] >= self._least[kind]
        return found
