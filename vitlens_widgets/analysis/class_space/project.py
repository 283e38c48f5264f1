"""Hidden states in class embedding space: where the true class stands among all classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from vitlens_widgets.errors import UsageError
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.trace import ViT

_PIECE_BYTES = 16 * 2**20


class Projected(NamedTuple):
    """What is kept of class logits, each `[image, token]`, or `[image]` of the readout; on the CPU.

    Equal logits share the best rank.
    """

    logit: Tensor
    """Of the true class, float32."""
    rank: Tensor
    """Of the true class, int64: 1 where no class has a larger logit."""
    top: Tensor
    """The class with the largest logit, int64."""


def tokens(vit: ViT, state: Tensor, classes: Tensor) -> Projected:
    """Every token through the final norm (its own statistics) and the classifier with its bias.

    Args:
        vit: The model.
        state: A state, or what a block adds to one, `[image, token, d]`.
        classes: The true class of each image, int64 `[image]`.

    Raises:
        UsageError: Logits that are not numbers.

    Source:
        Vilas et al. (2023), section 3, as their code does it: the paper's formula writes neither
        norm nor bias.
    """
    return _measured(vit, vit.adapter.token_logits, state, classes)


def readout(vit: ViT, state: Tensor, classes: Tensor) -> Projected:
    """The same of what the model's own classifier reads, CLS or a mean of patches: `[image]`."""
    return _measured(vit, vit.adapter.readout_logits, state, classes)


@clean
@torch.no_grad()
def _measured(
    vit: ViT, decode: Callable[[Tensor], Tensor], state: Tensor, classes: Tensor
) -> Projected:
    """Some images at a time, so that all logits are never there together."""
    batch_size = max(1, _PIECE_BYTES // (4 * state.shape[1] * len(vit.labels)))
    true_classes = torch.split(classes.to(state.device), batch_size)
    pairs = zip(torch.split(state, batch_size), true_classes, strict=True)
    found = [_of_logits(decode(part).float(), true) for part, true in pairs]
    logit, rank, top, largest = (torch.cat(parts).cpu() for parts in zip(*found, strict=True))
    if not (logit.isfinite() & largest.isfinite()).all():  # the largest is NaN if any logit is
        raise UsageError(f"{vit.name} gives logits that are no finite numbers.")
    return Projected(logit, rank, top)


def _of_logits(logits: Tensor, classes: Tensor) -> tuple[Tensor, ...]:
    """`[image, ..., class]` and `[image]` to logit, rank, top and largest logit `[image, ...]`."""
    index = classes.view(-1, *[1] * (logits.ndim - 1)).expand(*logits.shape[:-1], 1)
    logit = logits.gather(-1, index)
    largest, top = logits.max(-1)
    return logit[..., 0], (logits > logit).sum(-1) + 1, top, largest
