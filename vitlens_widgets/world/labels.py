"""The sixteen things of the world and their parts, the label of none; what masks of them say."""

from __future__ import annotations

import numpy as np
from einops import rearrange

from vitlens_widgets.masks import shares

CLASSES = (
    "cat",
    "dog",
    "heart",
    "star",
    "moon",
    "flower",
    "tree",
    "house",
    "fish",
    "mushroom",
    "apple",
    "sun",
    "umbrella",
    "car",
    "boat",
    "key",
)
"""Names of the things that can be drawn; a class's index is its place here."""

BACKGROUND = len(CLASSES)
"""Index of the label "background" in `LABELS` and in every class mask."""

LABELS = (*CLASSES, "background")
"""The seventeen outputs of the embedded classifiers, in order."""

PARTS = (
    *("face", "eye", "ear", "nose", "mouth", "muzzle", "tongue", "whisker", "stripe"),
    *("body", "tail", "fin", "rim", "gleam", "crater", "disc", "ray"),
    *("petal", "trunk", "crown", "stalk", "cap", "dot", "stem", "leaf"),
    *("wall", "roof", "chimney", "door", "window", "canopy", "stick"),
    *("wheel", "headlight", "hull", "mast", "sail", "ring", "shaft", "tooth"),
)
"""Names of the parts that things are drawn of; some are of several things, as eyes are."""

NO_PART = len(PARTS)
"""What a part mask has where there is no thing."""


def present_classes(masks: np.ndarray) -> np.ndarray:
    """Which classes each class mask `[image, H, W]` shows, float32 `[image, 16]`."""
    return np.stack(
        [np.bincount(m.ravel(), minlength=len(LABELS))[: len(CLASSES)] > 0 for m in masks]
    ).astype(np.float32)


def label_shares(masks: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """Share of each patch that each label covers, float32 `[image, patch, 17]`."""
    covered = shares(masks, len(LABELS), grid)
    return rearrange(covered, "image row col label -> image (row col) label").astype(np.float32)
