"""Data sets that know more of an image than its class: which pixels show what is true of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from vitlens_widgets.data.examples import UNKNOWN, Dataset

Masks = Mapping[str, Mapping[str, np.ndarray]]
"""Kind of truth -> what is true -> bool `[height, width]` of the whole image, where it is."""


@runtime_checkable
class KnowsTruths(Protocol):
    """A `Dataset` that has these members, too.

    Attributes:
        truth_names: What may be true of pixels, by its kind, such as `{"part": ["eye", "ear"]}`.
    """

    truth_names: Mapping[str, Sequence[str]]

    def truths(self, number: int) -> Masks:
        """Where it is true in the example of this number, of those names that are true at all."""
        ...


def truth_names(data: Dataset) -> Mapping[str, Sequence[str]]:
    """What a data set knows, by its kind: its own truths, or the classes that it has masks of."""
    if isinstance(data, KnowsTruths):
        return data.truth_names
    return {"class": list(data.labels)} if data.has_masks else {}


def truths_of(data: Dataset, number: int) -> Masks:
    """Where which of `truth_names` is true in an example."""
    if isinstance(data, KnowsTruths):
        return data.truths(number)
    example = data[number]
    if example.mask is None or example.label == UNKNOWN:
        return {}
    return {"class": {data.labels[example.label]: example.mask}}
