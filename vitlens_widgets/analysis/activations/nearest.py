"""The features of which a number is largest, in blocks before, beside or behind that of one."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from vitlens_widgets.errors import UsageError, check_choice, check_count

Where = Literal["earlier", "same", "later", "any"]
"""In which blocks, beside that of a feature."""


class FeatureNames(NamedTuple):
    """Some features, the nearest first; all are `[place]`."""

    layer: np.ndarray
    """The block, int64."""
    feature: np.ndarray
    """Which one of it, int64."""
    value: np.ndarray
    """How near, float64."""


def place_of(layer: int, layers: tuple[int, ...]) -> int:
    """Where a block stands among those that were looked at.

    Raises:
        UsageError: It was not.
    """
    if layer not in layers:
        blocks = ", ".join(str(one) for one in layers)
        raise UsageError(f"Block {layer!r} was not looked at; there are {blocks}.")
    return layers.index(layer)


def nearest(
    values: np.ndarray, layers: tuple[int, ...], own: tuple[int, int], k: int, where: Where
) -> FeatureNames:
    """The features with the largest values, the own one and those without a value left out.

    Args:
        values: `[layer, feature]`, NaN where there is none.
        layers: The blocks.
        own: Block and number of the feature they are near to.
        k: How many.
        where: In which blocks.

    Raises:
        UsageError: Another number or place.
    """
    k = check_count("k", k, least=1)
    check_choice("where", where, ("earlier", "same", "later", "any"))
    blocks, (layer, feature) = np.array(layers), own
    sides = {"earlier": blocks < layer, "same": blocks == layer, "later": blocks > layer}
    chosen = sides.get(where, np.ones(len(blocks), bool))
    shown = np.where(chosen[:, None], np.nan_to_num(values, nan=-np.inf), -np.inf)
    shown[blocks == layer, feature] = -np.inf
    order = np.argsort(-shown, axis=None, kind="stable")[:k]
    order = order[np.isfinite(shown.ravel()[order])]
    at = np.unravel_index(order, shown.shape)
    return FeatureNames(blocks[at[0]], at[1], shown[at])


def largest(values: np.ndarray, layers: tuple[int, ...], own: tuple[int, int]) -> np.ndarray:
    """The largest value in each block, `[layer]`; NaN where there is none.

    Args:
        values: As of `nearest`.
        layers: The blocks.
        own: The feature that is left out.
    """
    first = [nearest(values[[at]], (layer,), own, 1, "any") for at, layer in enumerate(layers)]
    return np.array([one.value[0] if len(one.value) else np.nan for one in first])
