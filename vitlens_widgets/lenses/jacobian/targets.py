"""What the Jacobians are of: the mean of the last state's tokens that the readout takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from vitlens_widgets.errors import UsageError
from vitlens_widgets.lenses.fitted.kinds import spans
from vitlens_widgets.models import BaseViT
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.models.readout import Readout


class KindOfTokens(NamedTuple):
    """Tokens of one kind, and how much of a target they are."""

    place: int
    """Of the kind, among those of the lens."""
    spans: list[slice]
    """Where they stand in the sequence."""
    share: Tensor
    """What they weigh together in the target, `[image]`; 1 where they are no part of it."""

    def total(self, values: Tensor) -> Tensor:
        """The sum over these tokens: `[image, token, ...] -> [image, ...]`."""
        return torch.stack([values[:, span].sum(1) for span in self.spans]).sum(0)


class Target(NamedTuple):
    """A weighted mean of the last state's tokens, and the kinds of token it is asked of."""

    weights: Tensor
    """`[image, token]`; each row sums to 1."""
    kinds: list[KindOfTokens]


def targets_of(vit: BaseViT, kinds: Sequence[str], last: Tensor) -> list[Target]:
    """The targets of all kinds of token; mostly one for all.

    A readout that takes several means side by side, such as CLS and the mean of patches, has one
    for each: tokens that are read are asked what becomes of the means that they are read in, others
    what becomes of all of them together.

    Args:
        vit: The model.
        kinds: Of the lens (`lenses.fitted.kinds`).
        last: The last state, `[image, token, d]`, by which an attention pooling weighs.

    Raises:
        UsageError: The readout is no weighted mean of tokens.
    """
    means = means_of(vit, last)
    where: dict[int, list[slice]] = {}
    for index, span in spans(vit, kinds):
        where.setdefault(index, []).append(span)
    found: dict[tuple[int, ...], list[KindOfTokens]] = {}
    for index, its in where.items():
        reads = [i for i, mean in enumerate(means) if any(bool(mean[:, s].any()) for s in its)]
        key = tuple(reads or range(len(means)))
        kind = KindOfTokens(index, its, last.new_ones(len(last)))
        if reads:
            kind = kind._replace(share=kind.total(_together(means, key)))
        found.setdefault(key, []).append(kind)
    return [Target(_together(means, key), its) for key, its in found.items()]


@clean
def n_targets(vit: BaseViT, kinds: Sequence[str]) -> int:
    """How many targets there are, known without a run."""
    return len(targets_of(vit, kinds, vit.adapter.blank_state(1)))


@clean
@torch.no_grad()
def means_of(vit: BaseViT, last: Tensor) -> list[Tensor]:
    """How each of the means that the readout takes weighs the tokens, `[image, token]`.

    Raises:
        UsageError: It takes none.
    """
    readout, n_prefix = vit.readout, vit.layout.n_prefix
    if readout.attention is not None:
        return [vit.adapter.readout_weights(last)]
    if not readout.groups:
        raise UsageError(
            f"{vit.name} reads {readout.name}, which is no weighted mean of its tokens, so there "
            "is nothing that a Jacobian lens could lead to; vl.LogitLens reads every model."
        )
    each = (Readout(readout.name, (group,)) for group in readout.groups)
    return [one.weights(last, n_prefix) for one in each]


def _together(means: Sequence[Tensor], chosen: Sequence[int]) -> Tensor:
    return torch.stack([means[i] for i in chosen]).mean(0)
