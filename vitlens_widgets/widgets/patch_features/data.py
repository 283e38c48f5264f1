"""What a PatchFeatures sends to the browser: features, likeness and classes as bytes."""

from __future__ import annotations

from typing import Any

import numpy as np

from vitlens_widgets.widgets.patch_features.seam import FeaturesLike, SimilarityLike
from vitlens_widgets.widgets.shared import pack

THUMB = 160
"""Longest side of the small pictures, pixels."""

WHOLE, UNKNOWN = 32767, -32768
"""A cosine of 1 as a code, and what stands where a token was dropped."""

FIGURE, MISSING = 1, 2

MOST_GROUPS = 12
"""Colours, hatched ones too, that can be told apart."""

NO_GROUP = 255
"""What stands where a token was dropped."""


def components(features: FeaturesLike) -> dict[str, Any]:
    """Components as codes, the foreground, and shares of the variance per image."""
    values = np.asarray(features.components)
    gone = np.isnan(values).any(-1)
    codes = np.rint(255 * (np.nan_to_num(values) + 1) / 2)
    figure = np.where(gone, MISSING, np.asarray(features.foreground) * FIGURE)
    shares = np.asarray(features.variance)
    of_images = np.broadcast_to(shares, (len(shares), values.shape[1], 3))
    return {
        "_components": pack.uint8(codes),
        "_foreground": pack.uint8(figure),
        "_variance": pack.float32(of_images),
    }


def groups(features: FeaturesLike, k: int, seed: int, basis: str) -> dict[str, Any]:
    """The group of each patch, `[state, image, row, col]`, and of which choices they are."""
    found = np.asarray(features.groups(k, seed))
    numbers = np.where(found < 0, NO_GROUP, found)
    return {"_groups": pack.uint8(numbers), "_groups_of": [k, seed, basis]}


NO_GROUPS: dict[str, Any] = {"_groups": b"", "_groups_of": []}


def similarity(found: SimilarityLike, image: int, token: int) -> dict[str, Any]:
    """Cosines to one token as codes, `[state, image, patch]`, those of prefix tokens apart."""
    return {
        "_similarity": cosines(np.asarray(found.patches)),
        "_similar_prefix": cosines(np.asarray(found.prefix)),
        "_similar_of": [image, token],
    }


NO_SIMILARITY: dict[str, Any] = {"_similarity": b"", "_similar_prefix": b"", "_similar_of": []}


def cosines(values: np.ndarray) -> bytes:
    """-1..1 as int16; `UNKNOWN` for NaN."""
    codes = np.rint(WHOLE * np.nan_to_num(values.astype(np.float64)))
    return np.where(np.isnan(values), UNKNOWN, codes).astype("<i2").tobytes()
