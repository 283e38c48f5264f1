"""Relevance by following attention through all blocks, with or without the answer's gradients."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from vitlens_widgets.analysis.checks import logits_of
from vitlens_widgets.analysis.heads.rollout import mixing
from vitlens_widgets.analysis.relevance.parts import Parts, check_gradients
from vitlens_widgets.errors import UsageError
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.trace import Trace


@dataclass(frozen=True)
class _AttentionFlow:
    """What the readout reads, followed back block by block.

    The matrices of all blocks are multiplied with the readout's weights from the last block on,
    which gives the readout's row of their product (the row of CLS, or the mean of the patches'
    rows) at a fraction of its cost. The relevance of a token in a head is the readout's row of the
    head's own weights.
    """

    settings: ClassVar[dict[str, Any]] = {}
    name: ClassVar[str]
    label: ClassVar[str]
    gradients: ClassVar[bool] = True

    def __call__(self, trace: Trace, classes: Tensor) -> Parts:
        """The relevance of each token for a class of each image, int64 `[image]`.

        Raises:
            UsageError: A readout that is no weighted mean of tokens, blocks whose heads can only be
                read or inference mode where gradients are needed, or weights that have changed.
        """
        if self.gradients:
            check_gradients(trace, self.name)
        flow = start = _readout_weights(trace, self.name)
        heads: list[Tensor] = []
        for weights in self._weights(trace, classes):
            heads.append(torch.einsum("iq,ihqt->iht", start, self.of_heads(weights)))
            flow = torch.einsum("iq,iqt->it", flow, self.of_block(weights))
        return Parts(flow.cpu(), torch.stack(heads[::-1], dim=1).cpu())

    def of_heads(self, weights: Tensor) -> Tensor:
        """What counts of a block's weights, `[image, head, query, key]`."""
        return weights

    def of_block(self, weights: Tensor) -> Tensor:
        """How the block mixes the tokens, `[image, query, key]`."""
        raise NotImplementedError

    def _weights(self, trace: Trace, classes: Tensor) -> Iterator[Tensor]:
        """Of each block, the last one first, float32."""
        layers = reversed(range(trace.vit.n_layers))
        if not self.gradients:
            yield from (trace.attention(layer).detach().float() for layer in layers)
            return
        patterns, gradients = _gradients(trace, classes)
        yield from ((patterns[k].detach() * gradients[k]).float() for k in layers)


@dataclass(frozen=True)
class Rollout(_AttentionFlow):
    """Attention rollout: where attention could have carried something from, whatever the class.

    The product over blocks of the mean of the heads' weights plus identity, rows scaled to sum to
    1. See `vl.analysis.heads.rollout`.

    Source:
        Abnar & Zuidema (2020), equation 1.
    """

    name: ClassVar[str] = "rollout"
    label: ClassVar[str] = "rollout"
    of_classes: ClassVar[bool] = False
    gradients: ClassVar[bool] = False

    def of_block(self, weights: Tensor) -> Tensor:
        """See `heads.rollout.mixing`."""
        return mixing(weights.mean(1))


@dataclass(frozen=True)
class GradientRollout(_AttentionFlow):
    """Rollout of attention weights times their gradients of the class's logit.

    As `Rollout`, of the mean over heads of weights x gradients with what is negative set to 0.

    The released class (`vit_grad_rollout.VITAttentionGradRollout`) differs in three things:

    1. It sets the smallest of each block's weights to 0, 90 % of them unless told otherwise; none
       are dropped here.
    2. Its hooks collect weights from the first block on and gradients from the last one on, and
       it pairs them in that order: block k's weights with the gradients of block L - 1 - k. Here
       each block's weights go with its own gradients.
    3. It divides column j by the sum of *row* j. Here row i is divided by its own sum, so that rows
       sum to 1, as in `Rollout`.

    Source:
        Gildenblat (2020), "Exploring Explainability for Vision Transformers", and its code,
        jacobgil/vit-explain.
    """

    name: ClassVar[str] = "gradient_rollout"
    label: ClassVar[str] = "gradient rollout"

    def of_block(self, weights: Tensor) -> Tensor:
        """The mean over heads comes before the clamp."""
        return mixing(weights.mean(1).clamp(min=0))

    def of_heads(self, weights: Tensor) -> Tensor:
        """What is positive."""
        return weights.clamp(min=0)


@dataclass(frozen=True)
class Chefer(_AttentionFlow):
    """Attention weights times their gradients of the class's logit, block by block.

    With `A` the mean over heads of what is positive in weights x gradients, relevance begins as the
    identity and each block adds `A` times what there is: `R + A R`. No row is scaled.

    Source:
        Chefer, Gur & Wolf (2021), "Generic Attention-model Explainability for Interpreting
        Bi-Modal and Encoder-Decoder Transformers", ICCV, equations 5 and 6; what Vilas et al.
        (2023) compare with.
    """

    name: ClassVar[str] = "chefer"
    label: ClassVar[str] = "Chefer"

    def of_heads(self, weights: Tensor) -> Tensor:
        """What is positive."""
        return weights.clamp(min=0)

    def of_block(self, weights: Tensor) -> Tensor:
        """`I + A`."""
        eye = torch.eye(weights.shape[-1], dtype=weights.dtype, device=weights.device)
        return eye + self.of_heads(weights).mean(1)


@clean
@torch.enable_grad()
def _gradients(trace: Trace, classes: Tensor) -> tuple[Sequence[Tensor], Sequence[Tensor]]:
    """The weights of all blocks and the gradients of the class's logit in them: one backward pass.

    `[layer]` of `[image, head, query, key]`, twice.
    """
    again = trace.rerun([], keep=["pattern"], grad=True, first=0)
    patterns = [again["pattern", layer] for layer in range(trace.vit.n_layers)]
    answer = logits_of(again)
    chosen = answer.gather(1, classes.to(answer.device)[:, None])
    return patterns, torch.autograd.grad(chosen.sum(), patterns)


@clean
@torch.no_grad()
def _readout_weights(trace: Trace, method: str) -> Tensor:
    """How the readout weighs the tokens, float32 `[image, token]`."""
    trace.check_weights("asked for relevance")
    try:
        return trace.vit.adapter.readout_weights(trace.states[-1]).float()
    except UsageError as error:
        raise UsageError(
            f"{trace.vit.name} reads {trace.vit.readout.name}, which is no weighted mean of tokens "
            f'that it shows, and the method "{method}" begins with such weights; "class_embedding" '
            "does without."
        ) from error
