"""What is sent, unpacked for still pictures."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from vitlens_widgets.export.stills.colors import CLASS_COLORS, OTHER_COLOR, bytes_of
from vitlens_widgets.export.stills.oklab import component_colors
from vitlens_widgets.widgets.patch_features.data import (
    FIGURE,
    MISSING,
    NO_GROUP,
    UNKNOWN,
    WHOLE,
)

BEHIND = 0.14
"""How much of a colour is left of what is not in the foreground, as in the browser."""


class ShownFeatures:
    """The arrays of a PatchFeatures, of the image that it shows.

    Args:
        traits: The widget's traits by name.
    """

    def __init__(self, traits: dict[str, Any]) -> None:
        self.meta: dict[str, Any] = traits["_meta"]
        self.image: int = traits["image"]
        self.state_names: list[str] = self.meta["state_names"]
        self.states = range(len(self.state_names))
        self.grid = (self.meta["rows"], self.meta["cols"])
        size = (self.meta["height"], self.meta["width"], 3)
        self.picture = np.frombuffer(traits["_picture"], "u1").reshape(size)
        self.lessons: dict[str, Any] = traits["_lessons"]
        self.pinned: list[int] = traits["_similar_of"]
        self._traits = traits

    def _of_image(self, name: str, kind: str, *last: int) -> np.ndarray:
        """`[state, row, col, ...]` of the image shown."""
        packed = np.frombuffer(self._traits[name], kind)
        grids = packed.reshape(len(self.states), self.meta["n_images"], *self.grid, *last)
        return grids[:, self.image]

    @functools.cached_property
    def colors(self) -> np.ndarray:
        """The components as colours, float64 `[state, row, col, 3]`."""
        codes, figure = self._of_image("_components", "u1", 3), self._of_image("_foreground", "u1")
        colors = component_colors(codes.astype(float) / 127.5 - 1).astype(float)
        if self._traits["colours"] == "foreground":
            behind = 255 + BEHIND * (colors - 255)
            colors = np.where((figure == FIGURE)[..., None], colors, behind)
        return np.where((figure == MISSING)[..., None], 238.0, colors)

    @property
    def n_groups(self) -> int:
        """How many groups of like patches are shown; 0 where the components are."""
        found: list[Any] = self._traits["_groups_of"]
        return int(found[0]) if found and self._traits["colours"] == "groups" else 0

    @functools.cached_property
    def groups(self) -> np.ndarray:
        """The group of each patch, int64 `[state, row, col]`, -1 where there is none."""
        found = self._of_image("_groups", "u1").astype(int)
        return np.where(found == NO_GROUP, -1, found)

    def shares_of_groups(self, state: int) -> np.ndarray:
        """The share of the image's patches that each group has, `[group]`."""
        found = self.groups[state]
        counts = np.bincount(found[found >= 0], minlength=self.n_groups)
        return counts / counts.sum()

    @functools.cached_property
    def as_final(self) -> np.ndarray:
        """The share of the image's patches in the group that the final state gives them."""
        there = self.groups[-1] >= 0
        return np.array([(of == self.groups[-1])[there].mean() for of in self.groups])

    @property
    def variance(self) -> np.ndarray:
        """Shares of the variance, `[state, 3]`."""
        shares = np.frombuffer(self._traits["_variance"], "<f4")
        return shares.reshape(len(self.states), -1, 3)[:, self.image]

    @functools.cached_property
    def cosine(self) -> np.ndarray:
        """Similarity to the pinned token, `[state, row, col]`; there is one."""
        codes = self._of_image("_similarity", "<i2")
        return np.where(codes == UNKNOWN, np.nan, codes / WHOLE)

    @functools.cached_property
    def classes(self) -> np.ndarray:
        """The class of each patch, `[state, row, col]`; one was taught."""
        return self._of_image("_class_map", "<i2")

    @property
    def certainty(self) -> np.ndarray:
        """The probability of that class, `[state, row, col]`."""
        return self._of_image("_certainty", "<u2") / 65535

    @property
    def teaches(self) -> bool:
        """Whether the class map is shown, and not the features."""
        return self._traits["mode"] == "teach" and bool(self._traits["_class_map"])

    @property
    def n_taught(self) -> int:
        """How many classes have examples."""
        return sum(bool(one["examples"]) for one in self.classes_taught)

    @property
    def classes_taught(self) -> list[dict[str, Any]]:
        """Name, emoji, slot and examples of each class."""
        return self.lessons["classes"]

    @property
    def examples(self) -> list[tuple[int, int, int]]:
        """Every click: its class, image and token."""
        return [
            (index, image, token)
            for index, one in enumerate(self.classes_taught)
            for image, token in one["examples"]
        ]

    def agreement(self, examples_from: str) -> tuple[np.ndarray, int]:
        """How many clicks the others give their own class, `[state]`, and of how many."""
        held = np.frombuffer(self._traits["_held"], "<i2").reshape(2, len(self.states), -1)
        found = held[1 if examples_from == "final" else 0]
        own = np.array([index for index, _, _ in self.examples], int)
        return (found == own).sum(-1), int((found[-1] >= 0).sum())


def class_color(slot: int) -> np.ndarray:
    """By the order of teaching, uint8 `[3]`: the lighter ones where the browser hatches."""
    n = len(CLASS_COLORS)
    if slot >= 2 * n:
        return bytes_of(OTHER_COLOR)
    color = bytes_of(CLASS_COLORS[slot % n])
    return color if slot < n else np.rint((color.astype(float) + 255) / 2).astype("u1")
