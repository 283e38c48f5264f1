"""The sixteen things of the world, and the label that stands for none of them."""

from __future__ import annotations

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
