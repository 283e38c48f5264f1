"""Which of the patches and images are counted together: those of a class, and all others."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Groups(NamedTuple):
    """Groups in which patches are counted: a class each, then others, the rest, and unknown ones.

    Those of a class are the patches on its thing where there are masks, and all patches of its
    images where there are none.
    """

    classes: tuple[int, ...]
    """The classes that have a group each."""
    masks: bool
    """Whether patches beside the thing are the rest, a group of their own."""

    @property
    def others(self) -> int:
        """The group of all classes that have none."""
        return len(self.classes)

    @property
    def unknown(self) -> int:
        """The group of images of which nobody knows a class."""
        return len(self.classes) + 1

    @property
    def rest(self) -> int:
        """The group of the patches beside the thing."""
        return len(self.classes) + 2

    @property
    def n_of_images(self) -> int:
        """How many groups of images there are."""
        return len(self.classes) + 2

    @property
    def n_of_patches(self) -> int:
        """How many groups of patches there are."""
        return self.n_of_images + self.masks

    def of_images(self, labels: np.ndarray) -> np.ndarray:
        """The group of each image of these classes, int64 `[image]`; below 0 is unknown."""
        found = np.where(labels < 0, self.unknown, self.others)
        for group, label in enumerate(self.classes):
            found[labels == label] = group
        return found

    def of_parts(self, labels: np.ndarray) -> np.ndarray:
        """The group of each part of an image, int64 `[image, part]`: the thing, then the rest.

        Without masks there is one part, the whole image.
        """
        things = self.of_images(labels)[:, None]
        if not self.masks:
            return things
        rest = np.where(things == self.unknown, self.unknown, self.rest)
        return np.concatenate([things, rest], 1)
