"""Where attention goes: shares of a pattern's weight, each stated as a mask or a weight per pair.

Every function gives a float32 tensor `[query, key]` over the whole sequence, to be weighed by a
pattern. The classes of the head tour (Joseph & Nanda, 2024, "Laying the Foundations for Vision and
Multimodal Mechanistic Interpretability", attention head tour) are published in words and pictures
only; their definitions here are this package's. They are about patches alone: of all the weight
that patches give patches, the share that falls on the pairs in question, so that a head which
mostly reads CLS is judged by the rest of what it does.
"""

from __future__ import annotations

import torch
from torch import Tensor

from vitlens_widgets.analysis.heads.places import Places


def on_tokens(places: Places, positions: list[int]) -> Tensor:
    """1 where the key is one of some tokens, such as CLS or the registers."""
    mask = torch.zeros(places.n, places.n)
    mask[:, positions] = 1
    return mask


def on_itself(places: Places) -> Tensor:
    """1 where a token reads itself: the diagonal."""
    return torch.eye(places.n)


def patch_pairs(places: Places) -> Tensor:
    """1 where a patch reads a patch."""
    return places.between_patches(torch.ones(len(places.patches), len(places.patches)))


def distance(places: Places) -> Tensor:
    """How far apart the patches of a query and a key are, in patches: the Euclidean distance.

    Weighed by the weights that patches give patches, it is the mean attention distance. Weights on
    prefix tokens, which stand nowhere, are left out, and so are their queries. Source: Dosovitskiy
    et al. (2021), "An Image is Worth 16x16 Words", appendix D.7 (there in pixels: multiply by the
    patch size).
    """
    down, right = places.offsets
    return places.between_patches(torch.hypot(down.float(), right.float()))


def corner(places: Places) -> Tensor:
    """1 where a patch reads one of the grid's four corners (fewer where the grid is a line)."""
    return _on_keys(
        places, _at_end(places.row, places.layout.rows) & _at_end(places.col, places.layout.cols)
    )


def edge(places: Places) -> Tensor:
    """1 where a patch reads the grid's border, corners included."""
    return _on_keys(
        places, _at_end(places.row, places.layout.rows) | _at_end(places.col, places.layout.cols)
    )


def row(places: Places) -> Tensor:
    """1 where a patch reads another patch of its row."""
    down, right = places.offsets
    return places.between_patches((down == 0) & (right != 0))


def column(places: Places) -> Tensor:
    """1 where a patch reads another patch of its column.

    In the flat map these are the stripes every `cols` tokens that the head tour calls modulus.
    """
    down, right = places.offsets
    return places.between_patches((down != 0) & (right == 0))


def neighbours(places: Places) -> Tensor:
    """1 where a patch reads one of the up to eight patches around it."""
    down, right = (offset.abs() for offset in places.offsets)
    return places.between_patches((down <= 1) & (right <= 1) & (down + right > 0))


def _at_end(index: Tensor, count: int) -> Tensor:
    return (index == 0) | (index == count - 1)


def _on_keys(places: Places, chosen: Tensor) -> Tensor:
    return places.between_patches(chosen[None].expand(len(chosen), -1))


GEOMETRY = {
    "corner": corner,
    "edge": edge,
    "row": row,
    "column": column,
    "neighbours": neighbours,
}
"""The classes of the head tour, each a set of pairs of patches."""
