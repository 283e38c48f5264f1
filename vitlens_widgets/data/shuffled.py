"""A data set in an order drawn by lot: folders are sorted by class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from vitlens_widgets.data.examples import Dataset, Example, checked_example


class Shuffled:
    """All examples of a data set, in another order.

    Args:
        data: The data set, which knows how many it has.
        seed: Of the order.
    """

    def __init__(self, data: Dataset, seed: int) -> None:
        self._data = data
        self.labels, self.has_masks, self.count = data.labels, data.has_masks, data.count
        self.identity: Mapping[str, Any] = {"shuffled": dict(data.identity), "seed": seed}
        self.identity_says_all = getattr(data, "identity_says_all", False)
        self._order = np.random.default_rng(seed).permutation(data.count or 0).tolist()

    def __getitem__(self, number: int) -> Example:
        """Example `number` of this order."""
        return checked_example(self._data, self._order[number], any_class=True)

    def __repr__(self) -> str:
        return f"{self._data!r}, shuffled"


def shuffled(data: Dataset, seed: int) -> Dataset:
    """The data set in an order drawn by lot.

    One without an end, which is in no order, and one that can only be gone through from its first
    image on, stay as they are.
    """
    if data.count is None or getattr(data, "forward_alone", False):
        return data
    return Shuffled(data, seed)
