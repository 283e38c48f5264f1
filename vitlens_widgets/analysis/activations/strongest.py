"""The images that make each feature fire most, found in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

NOBODY = -1
"""Number of the image where there are fewer images than places."""


class StrongestImages(NamedTuple):
    """The images that make one feature fire most, the strongest first; all are `[place, ...]`."""

    image: np.ndarray
    """Number of the image in the data set, int64."""
    patch: np.ndarray
    """Which patch has its largest activation, counted row by row, int64."""
    value: np.ndarray
    """That activation, float32."""
    map: np.ndarray
    """The activation of every patch, float16 `[place, row, col]`, cut to what half precision holds.
    """


def no_images(n_features: int, k: int, n_tokens: int) -> dict[str, np.ndarray]:
    """What is kept before the first image.

    Values stand in their order, `[feature, place]`, and with each where the rest of it is kept,
    `[feature, slot]`, which stays where it is when others come before it.
    """
    places = (n_features, k)
    return {
        "strongest value": np.full(places, -np.inf, np.float32),
        "strongest slot": np.tile(np.arange(k), (n_features, 1)),
        "strongest image": np.full(places, NOBODY, np.int64),
        "strongest token": np.zeros(places, np.int64),
        "strongest map": np.zeros((*places, n_tokens), np.float16),
    }


def keep_strongest(
    kept: dict[str, Tensor], values: Tensor, peaks: Tensor, numbers: Sequence[int]
) -> None:
    """Put the images of a batch in their places, among those of the batches before.

    Of images alike, the earlier one stays before; so it does not matter how they are put together
    in batches.

    Args:
        kept: As of `no_images`, of the features at hand; changed in place.
        values: Activations `[image, token, feature]`.
        peaks: The largest over tokens, `[image, feature]`.
        numbers: Of the images, ascending.
    """
    k = kept["strongest value"].shape[1]
    changed = (peaks > kept["strongest value"][:, -1]).any(0).nonzero()[:, 0]
    if not len(changed):
        return
    before = kept["strongest value"].index_select(0, changed)
    joined = torch.cat([before, peaks.index_select(1, changed).T], 1)
    value, order = torch.sort(joined, dim=1, descending=True, stable=True)
    value, order = value[:, :k], order[:, :k]
    new = order >= k
    # those that go are the last ones: the new take their slots
    left = k - new.sum(1, keepdim=True) + new.cumsum(1) - 1
    slots = kept["strongest slot"].index_select(0, changed)
    slots = slots.gather(1, torch.where(new, left, order))
    kept["strongest value"].index_copy_(0, changed, value)
    kept["strongest slot"].index_copy_(0, changed, slots)
    of, place = new.nonzero(as_tuple=True)
    image, feature, slot = order[of, place] - k, changed[of], slots[of, place]
    for one in range(len(values)):
        here = image == one
        _put(kept, values[one], numbers[one], feature[here], slot[here])


def _put(
    kept: dict[str, Tensor], values: Tensor, number: int, features: Tensor, slots: Tensor
) -> None:
    """Put an image `[token, feature]` into slots of some features."""
    maps = values.index_select(1, features).T.contiguous()
    rows = features * kept["strongest slot"].shape[1] + slots
    kept["strongest image"].view(-1)[rows] = number
    kept["strongest token"].view(-1)[rows] = maps.argmax(1)
    largest = torch.finfo(torch.float16).max
    narrow = maps.clamp_(-largest, largest).to(torch.float16)
    kept["strongest map"].flatten(0, 1).index_copy_(0, rows, narrow)
