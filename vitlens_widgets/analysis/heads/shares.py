"""Where attention goes: shares of a pattern's weight, each stated as what a pair of patches counts.

Each is stated once, by the offset from a query to a key or by the key alone, so that it can be
weighed by a few rows of a pattern at a time as by a whole one. The classes of the head tour (Joseph
& Nanda, 2024, "Laying the Foundations for Vision and Multimodal Mechanistic Interpretability",
attention head tour) are published in words and pictures only; their definitions here are this
package's. They are about patches alone: of all the weight that patches give patches, the share that
falls on the pairs in question, so that a head which mostly reads CLS is judged by the rest of what
it does.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from vitlens_widgets.analysis.heads.places import Places


def distance(down: Tensor, right: Tensor) -> Tensor:
    """How far apart the patches of a query and a key are, in patches: the Euclidean distance.

    Weighed by the weights that patches give patches, it is the mean attention distance. Weights on
    prefix tokens, which stand nowhere, are left out, and so are their queries. Source: Dosovitskiy
    et al. (2021), "An Image is Worth 16x16 Words", appendix D.7 (there in pixels: multiply by the
    patch size).
    """
    return torch.hypot(down.float(), right.float())


def row(down: Tensor, right: Tensor) -> Tensor:
    """Whether the key is another patch of the query's row."""
    return (down == 0) & (right != 0)


def column(down: Tensor, right: Tensor) -> Tensor:
    """Whether the key is another patch of the query's column.

    In the flat map these are the stripes every `cols` tokens that the head tour calls modulus.
    """
    return (down != 0) & (right == 0)


def neighbours(down: Tensor, right: Tensor) -> Tensor:
    """Whether the key is one of the up to eight patches around the query."""
    down, right = down.abs(), right.abs()
    return (down <= 1) & (right <= 1) & (down + right > 0)


def corner(places: Places) -> Tensor:
    """Which patches are one of the grid's four corners (fewer where the grid is a line)."""
    return _at_end(places.row, places.layout.rows) & _at_end(places.col, places.layout.cols)


def edge(places: Places) -> Tensor:
    """Which patches are on the grid's border, corners included."""
    return _at_end(places.row, places.layout.rows) | _at_end(places.col, places.layout.cols)


def _at_end(index: Tensor, count: int) -> Tensor:
    return (index == 0) | (index == count - 1)


BY_OFFSET: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "distance": distance,
    "row": row,
    "column": column,
    "neighbours": neighbours,
}
"""What a pair of patches counts by how many rows down and columns right the key is."""

BY_KEY: dict[str, Callable[[Places], Tensor]] = {"corner": corner, "edge": edge}
"""Which patches count as keys, bool `[patch]`, whatever the query."""


def of_pairs(name: str, places: Places) -> Tensor:
    """What each pair of positions counts, `[query, key]`, 0 for prefix tokens.

    Args:
        name: One of `BY_OFFSET` and `BY_KEY`.
        places: The positions.
    """
    if name in BY_OFFSET:
        return places.between_patches(BY_OFFSET[name](*places.offsets))
    chosen = BY_KEY[name](places)
    return places.between_patches(chosen[None].expand(len(chosen), -1))


GEOMETRY = ("corner", "edge", "row", "column", "neighbours")
"""The classes of the head tour, each a set of pairs of patches."""
