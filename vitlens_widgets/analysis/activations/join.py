"""What two passes over images have kept, as one pass over all of them keeps it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

Kept = Mapping[str, np.ndarray]


def joined(one: Kept, other: Kept) -> dict[str, np.ndarray]:
    """What is kept of all images.

    Counts, the strongest images and what is drawn by lot are those of one pass, though they may
    stand in other slots; sums of float64 are added in another order, and their last digits may be
    others.

    Args:
        one: Of the earlier images, as `_ActivationMeasure.add` has it.
        other: Of the later ones.
    """
    found: dict[str, np.ndarray] = {}
    for part in dict.fromkeys(name.split()[0] for name in one):
        ours, theirs = (
            {name: value for name, value in kept.items() if name.split()[0] == part}
            for kept in (one, other)
        )
        found |= _RULES[part](ours, theirs)
    return {name: found[name] for name in one}


def _added(one: Kept, other: Kept) -> dict[str, np.ndarray]:
    return {name: value + other[name] for name, value in one.items()}


def _strongest(one: Kept, other: Kept) -> dict[str, np.ndarray]:
    """The largest of both, the largest first; of images alike, the earlier one."""
    k = int(one["strongest value"].shape[1])
    values = np.concatenate([one["strongest value"], other["strongest value"]], axis=1)
    order = np.argsort(-values, axis=1, kind="stable")[:, :k]
    places = np.tile(np.arange(k), (len(values), 1))
    found = {"strongest value": np.take_along_axis(values, order, axis=1)}
    for name in one.keys() - found.keys() - {"strongest slot"}:
        in_order = [_of_slots(kept, name) for kept in (one, other)]
        found[name] = _taken(np.concatenate(in_order, axis=1), order)
    return found | {"strongest slot": places}


def _of_slots(kept: Kept, name: str) -> np.ndarray:
    """What is kept in slots, in the order of values."""
    return _taken(kept[name], kept["strongest slot"])


def _taken(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    return np.take_along_axis(values, places[..., None] if values.ndim == 3 else places, axis=1)


def _drawn(one: Kept, other: Kept) -> dict[str, np.ndarray]:
    """In each bin the token of the larger lot."""
    later = other["drawn lot"] > one["drawn lot"]
    return {name: np.where(later, other[name], value) for name, value in one.items()}


def _sample(one: Kept, other: Kept) -> dict[str, np.ndarray]:
    """The images of the largest lots."""
    lots = np.concatenate([one["sample lot"], other["sample lot"]])
    largest = np.argsort(-lots, kind="stable")[: len(one["sample lot"])]
    return {name: np.concatenate([value, other[name]])[largest] for name, value in one.items()}


_RULES: dict[str, Callable[[Kept, Kept], dict[str, np.ndarray]]] = {
    **dict.fromkeys(("counts", "peaks", "sum", "above", "class", "thing", "rest"), _added),
    "strongest": _strongest,
    "drawn": _drawn,
    "sample": _sample,
}
"""By the first word of a name."""
