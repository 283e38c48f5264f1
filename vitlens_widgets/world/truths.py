"""What is true of the pixels of a scene: of which class, color, size and place, and which part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from vitlens_widgets.world.description import FACTS, Description, fact
from vitlens_widgets.world.labels import PARTS

_KINDS = {"class": "name", "color": "color", "place": "place", "size": "size"}
"""Kind of truth -> the fact of a thing that it is."""

TRUTH_NAMES: Mapping[str, Sequence[str]] = {
    **{kind: FACTS[what] for kind, what in _KINDS.items()},
    "part": PARTS,
}
"""What may be true of pixels, by its kind; grey things are left out of colors."""


def truths_of_scene(
    shown: Description, instances: np.ndarray, parts: np.ndarray
) -> dict[str, dict[str, np.ndarray]]:
    """Where it is true, bool `[H, W]` by kind and name.

    Args:
        shown: The scene in words.
        instances: Its instance mask.
        parts: Its part mask.
    """
    found: dict[str, dict[str, np.ndarray]] = {kind: {} for kind in TRUTH_NAMES}
    for number, thing in enumerate(shown.things, start=1):
        seen = instances == number
        for kind, what in _KINDS.items():
            if (name := fact(thing, what)) in TRUTH_NAMES[kind]:
                before = found[kind].get(name)
                found[kind][name] = seen if before is None else before | seen
    found["part"] = {PARTS[one]: parts == one for one in np.unique(parts) if one < len(PARTS)}
    return found
