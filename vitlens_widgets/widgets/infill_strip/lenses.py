"""The same images under the same mask, infilled by several lenses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from vitlens_widgets.errors import UsageError
from vitlens_widgets.kinds import is_mapping, is_several
from vitlens_widgets.widgets.infill_strip import data
from vitlens_widgets.widgets.infill_strip.objects import Objects
from vitlens_widgets.widgets.infill_strip.seam import InfillingLike
from vitlens_widgets.widgets.shared import pack
from vitlens_widgets.widgets.shared.checks import distinct_names, has_all, refusal

Infillings = Mapping[str, InfillingLike]
"""By the names of their lenses, in their order."""


def infillings_of(given: Any) -> dict[str, InfillingLike]:
    """The infillings to show: one, or several of the same images under the same mask.

    Args:
        given: An infilling, a list of them, or a dict of them by name.

    Raises:
        UsageError: One is none, they have one name, or they differ in images, mask or states.
    """
    if not is_several(given) and not is_mapping(given):
        only = _checked(given)
        return {only.lens_name: only}
    every = [_checked(one) for one in (given.values() if is_mapping(given) else given)]
    if not every:
        raise UsageError("InfillStrip shows at least one infilling, and the list is empty.")
    names = list(given) if is_mapping(given) else [one.lens_name for one in every]
    named = dict(zip(distinct_names("infilling", names), every, strict=True))
    for name, one in named.items():
        _check_alike(next(iter(named.items())), (name, one))
    return named


def _checked(infilling: Any) -> InfillingLike:
    if not has_all(infilling, ("rerun", "only", "pictures", "score")):
        raise refusal(
            "InfillStrip shows an infilling, such as vl.InfillLens(mae).read(image)", infilling
        )
    return infilling


def _check_alike(first: tuple[str, InfillingLike], other: tuple[str, InfillingLike]) -> None:
    (name, one), (its, two) = first, other
    if one.model_name != two.model_name or list(one.state_names) != list(two.state_names):
        differs = f"are of {one.model_name} and of {two.model_name}"
    elif not np.array_equal(one.original, two.original):
        differs = "are of different images"
    elif not np.array_equal(one.mask, two.mask):
        differs = "have different masks"
    elif one.statistics != two.statistics:
        differs = f"have the statistics {one.statistics} and {two.statistics}"
    else:
        return
    raise UsageError(
        f'InfillStrip compares infillings of one model, image and mask; "{name}" and "{its}" '
        f"{differs}."
    )


class OtherInfillings:
    """What other lenses paint where the first one does, under the mask that it has.

    Args:
        given: The other infillings, by the names of their lenses.
    """

    def __init__(self, given: Infillings) -> None:
        self.given = given
        self._now: dict[str, InfillingLike] = {}

    def pictures(self, infilling: InfillingLike, image: int, shrink: int) -> dict[str, Any]:
        """What each paints from each state, as the widget's traits, by name."""
        self._now = {name: _under(one, infilling, image) for name, one in self.given.items()}
        return {name: data.pictures(one, shrink) for name, one in self._now.items()}

    def numbers(self, objects: Objects, image: int) -> dict[str, Any]:
        """How near each is to the original and to its final answer; as `data.numbers`."""
        found: dict[str, Any] = {}
        for name, one in self._now.items():
            found[name] = data.numbers(one)
            found[name]["_scores"] += pack.float32(objects.scores(one, image))
        return found


def _under(one: InfillingLike, first: InfillingLike, image: int) -> InfillingLike:
    """A lens's infilling of an image, under the mask that the first lens's has now."""
    alone = one.only(image)
    return alone if np.array_equal(alone.mask, first.mask) else alone.rerun(mask=first.mask[0])
