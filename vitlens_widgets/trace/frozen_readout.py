"""`FrozenReadout`: logits as an affine map of the last state, frozen at one run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn

import torch
from torch import Tensor

from vitlens_widgets.errors import UsageError
from vitlens_widgets.models import BaseViT
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.models.patch_readout import ReadsPatches
from vitlens_widgets.trace.base import BaseTrace
from vitlens_widgets.trace.frozen_runs import FrozenRuns, check_can_freeze
from vitlens_widgets.trace.rounding import tolerance_of


@dataclass(frozen=True)
class FrozenReadout:
    """What is asked of a model's logits, as an affine map of the last state.

    With the final norm's scale (the pooling's attention, the length of an embedding that is
    compared with texts) frozen at the value of the run, whatever is written to the residual stream
    adds to the answer by itself: `sum over tokens of direction . vector`.

    Attributes:
        tokens: The positions in the sequence that are read, int64 `[read]`.
        direction: What a unit of the stream adds there, `[target, image, read, d]`.
        constants: What is added whatever the stream is, each `[target, image]`: `"norm bias"`,
            `"pooling MLP"` (of a pooling that has one), `"pooling bias"` (of what stands between
            norm and classifier, where it has one), `"classifier bias"`.
        logits: The model's own answer to what is asked, `[target, image]`: the sum of all of it.

    Source: Elhage et al. (2021), "A mathematical framework for transformer circuits"; Wang et al.
    (2022), "Interpretability in the wild", section 3.1.
    """

    tokens: Tensor
    direction: Tensor
    constants: Mapping[str, Tensor]
    logits: Tensor

    def adds(self, vectors: Tensor) -> Tensor:
        """What vectors of the stream add to the answer, summed over tokens.

        Args:
            vectors: `[image, token, d]` of the whole sequence.

        Returns:
            `[target, image]`.
        """
        return torch.einsum("cird,ird->ci", self.direction, vectors[:, self.tokens])


def frozen_readout(trace: BaseTrace, asked: Tensor) -> FrozenReadout:
    """The readout of a run's model as an affine map, frozen at the run.

    Args:
        trace: The run, of a model with a classifier.
        asked: What is asked of the logits: the weight of each class, `[target, image, class]`, such
            as 1 for the target and -1 for the class that it is compared with.

    Raises:
        UsageError: The readout is no affine map even then (a share of patches that vote, an
            activation between readout and classifier), or the trace has gradients.
    """
    check_can_freeze(trace)
    vit, state = trace.vit, trace.states[-1]
    runs = FrozenRuns(vit, vit.adapter.readout_logits)
    asked = asked.to(state)
    direction, answer = _gradient(vit, runs, state, asked)
    constants = _constants(vit, runs, state, asked)
    found = torch.einsum("citd,itd->ci", direction, state) + sum(constants.values())
    scale = answer.abs().amax()
    off = (found - torch.einsum("cik,ik->ci", asked, answer)).abs().amax()
    if off > tolerance_of(state.dtype) * scale or not direction.any():
        _refuse(vit)
    read = direction.ne(0).any(-1).flatten(0, 1).any(0).nonzero()[:, 0]
    own = torch.einsum("cik,ik->ci", asked, answer if trace.logits is None else trace.logits)
    return FrozenReadout(read, direction[:, :, read], constants, own)


@clean
def _gradient(
    vit: BaseViT, runs: FrozenRuns, state: Tensor, asked: Tensor
) -> tuple[Tensor, Tensor]:
    """Of what is asked in the state, `[target, image, token, d]`, and the logits."""
    leaf, logits = runs.first(state)
    if not logits.requires_grad:
        _refuse(vit)
    grads = [
        torch.autograd.grad(logits, leaf, one, retain_graph=True, allow_unused=True)[0]
        for one in asked
    ]
    found = [leaf.new_zeros(leaf.shape) if g is None else g for g in grads]
    return torch.stack(found), logits.detach()


def _constants(vit: BaseViT, runs: FrozenRuns, state: Tensor, asked: Tensor) -> dict[str, Tensor]:
    """What is added whatever the stream is; each the difference of two runs on zeros."""
    zeros = torch.zeros_like(state)
    least = runs.again(zeros, with_bias=False, with_aside=False)
    normed = runs.again(zeros, with_bias=True, with_aside=False)
    whole = runs.again(zeros, with_bias=True, with_aside=True)
    own = _classifier_bias(vit, least)
    parts = {
        "norm bias": normed - least,
        "pooling MLP": whole - normed,
        "pooling bias": least - own,
        "classifier bias": own,
    }
    often = ("norm bias", "classifier bias")
    there = {name: part for name, part in parts.items() if name in often or part.any()}
    return {name: torch.einsum("cik,ik->ci", asked, part) for name, part in there.items()}


@clean
def _classifier_bias(vit: BaseViT, at_zero: Tensor) -> Tensor:
    """What the classifier answers to features of zeros, `[image, class]`."""
    adapter = vit.adapter
    if vit.readout.n_classifiers > 1 or isinstance(adapter, ReadsPatches):
        return at_zero
    with torch.no_grad():
        zeros = at_zero.new_zeros(1, adapter.n_features)
        answer: Callable[[Tensor], Tensor] = adapter.classifier or adapter.head
        return answer(zeros).expand_as(at_zero)


def _refuse(vit: BaseViT) -> NoReturn:
    raise UsageError(
        f"{vit.name} answers by {vit.readout.name}, and what it answers is no sum over what is "
        "written to its residual stream, even with the scale of its norms frozen: something that "
        "is not linear stands between its readout and its logits."
    )
