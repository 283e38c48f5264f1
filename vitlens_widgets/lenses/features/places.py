"""Where the patches of some images stand, and which of them share a basis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor


@dataclass(frozen=True)
class PatchPlaces:
    """The patches of images.

    Args:
        n_images: How many images.
        present: Which patches are in the sequence, bool `[row, col]`.
        per_image: Whether each image is a basis of its own; else all are one.
    """

    n_images: int
    present: np.ndarray
    per_image: bool

    @property
    def n_in_basis(self) -> int:
        """How many patches a basis has."""
        return int(self.present.sum()) * (1 if self.per_image else self.n_images)

    def in_bases(self, values: Tensor) -> list[np.ndarray]:
        """`[image, patch, d]` as `[patch, d]` of each basis."""
        patches = values.numpy()
        return list(patches) if self.per_image else [patches.reshape(-1, patches.shape[-1])]

    def on_border(self) -> np.ndarray:
        """Which patches of a basis stand on a picture's border, bool `[patch]`."""
        edge = np.ones_like(self.present)
        edge[1:-1, 1:-1] = False
        return np.tile(edge[self.present], self.n_in_basis // int(self.present.sum()))

    def joined(self, values: list[np.ndarray], elsewhere: Any = np.nan) -> np.ndarray:
        """`[patch, ...]` of each basis, in their places: `[image, row, col, ...]`."""
        by_image = np.concatenate(values).reshape(self.n_images, -1, *values[0].shape[1:])
        return self.laid_out(by_image, elsewhere)

    def laid_out(self, values: np.ndarray, elsewhere: Any = np.nan) -> np.ndarray:
        """Values of the patches in the sequence, `[image, patch, ...]`, in their places.

        Returns:
            `[image, row, col, ...]`, with `elsewhere` where a patch was dropped.
        """
        shape = (self.n_images, *self.present.shape, *values.shape[2:])
        grid = np.full(shape, elsewhere, values.dtype)
        grid[:, self.present] = values
        return grid
