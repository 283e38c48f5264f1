"""The affine map from a state to the final one in closed form, from sums over images."""

from __future__ import annotations

from typing import NamedTuple, cast

import torch
from torch import Tensor

from vitlens_widgets.lenses.fitted.affine import Translators

SHRINK = 0.3
"""Times d / number of tokens: the ridge's penalty beside each dimension's own variance.

On toy/p32's CLS (640 scenes), .1 gave the lowest held-out divergence among .0001, .001, .01, .1;
of its patches, 49 times as many, .001."""
_LEAST = 1e-3


class AffineMoments(NamedTuple):
    """Sums over tokens of what is before, x, and of what it is to become less that, y - x.

    Both are taken from the first batch's means, so that float32 will do.
    """

    shift: Tensor
    """Of x, `[state, kind, d]`."""
    n: Tensor
    """How many tokens, `[kind]`."""
    x: Tensor
    """`[state, kind, d]`."""
    y: Tensor
    """`[state, kind, d]`."""
    xx: Tensor
    """`[state, kind, d, d]`."""
    xy: Tensor
    """`[state, kind, d, d]`, x first."""

    def added(self, more: AffineMoments) -> AffineMoments:
        """With those of other images, of the same shift."""
        sums = (one + other for one, other in zip(self[1:], more[1:], strict=True))
        return AffineMoments(self.shift, *sums)


def moments(tokens: list[Tensor], becomes: list[Tensor], shift: Tensor | None) -> AffineMoments:
    """Of one batch.

    Args:
        tokens: Of each kind, `[state, image, token, d]`.
        becomes: What they are to become, of a shape that fits it.
        shift: As the first batch had it; None for that one.
    """
    flat = [of_kind.flatten(1, 2).float() for of_kind in tokens]
    added = [(b.float() - t.float()).flatten(1, 2) for b, t in zip(becomes, tokens, strict=True)]
    if shift is None:
        shift = torch.stack([x.mean(1) for x in flat], 1)
    xs = [x - shift[:, kind, None] for kind, x in enumerate(flat)]
    return AffineMoments(
        shift,
        torch.tensor([x.shape[1] for x in xs], dtype=torch.float32, device=shift.device),
        torch.stack([x.sum(1) for x in xs], 1),
        torch.stack([y.sum(1) for y in added], 1),
        torch.stack([x.mT @ x for x in xs], 1),
        torch.stack([x.mT @ y for x, y in zip(xs, added, strict=True)], 1),
    )


def solved(sums: AffineMoments, rank: int | None) -> Translators:
    """The translators with the least squared error, and a penalty on A.

    Each dimension of A is held back by its own variance, so that the few dimensions of a ViT whose
    values are large count no more than others; b is free.

    Args:
        sums: Over all images.
        rank: Of A; None for any, 0 for none.

    Source:
        Ridge regression: Hastie, Tibshirani, Friedman (2009), section 3.4.1. Of a lower rank:
        Izenman (1975), "Reduced-rank regression", the error weighed alike in all dimensions.
    """
    n_states, n_kinds = sums.x.shape[:2]
    found = [
        _one(AffineMoments(*(p[kind] if p.ndim == 1 else p[state, kind] for p in sums)), rank)
        for state in range(n_states)
        for kind in range(n_kinds)
    ]

    def stacked(part: int) -> Tensor | None:
        parts = [one[part] for one in found]
        there = [one for one in parts if one is not None]
        return (
            torch.stack(there).float().view(n_states, n_kinds, *there[0].shape) if there else None
        )

    return Translators(stacked(0), stacked(1), stacked(2))


def _one(sums: AffineMoments, rank: int | None) -> Translators:
    """Of one state and kind."""
    shift, n, x, y, xx, xy = (part.double() for part in sums)
    mean_x, mean_y = x / n, y / n
    if rank == 0:
        return Translators(None, mean_y)
    cov_x = xx / n - mean_x.outer(mean_x)
    cov_xy = xy / n - mean_x.outer(mean_y)
    variance = cov_x.diagonal().clamp_min(0)
    penalty = (SHRINK * len(x) / n).clamp(_LEAST, 1) * variance
    # what does not vary, such as CLS before the first block, is left to b
    still = variance <= 1e-10 * shift.square()
    penalty = torch.where(still, 1.0, penalty)
    right = torch.where(still[:, None], 0.0, cov_xy)
    weight = cast("Tensor", torch.linalg.solve(cov_x + penalty.diag(), right)).mT
    up = None
    if rank is not None:
        up = cast("Tensor", torch.linalg.eigh(weight @ cov_x @ weight.mT)[1])[:, -rank:]
        weight = up.mT @ weight
    whole = weight if up is None else up @ weight
    return Translators(weight, mean_y - whole @ (mean_x + shift), up)
