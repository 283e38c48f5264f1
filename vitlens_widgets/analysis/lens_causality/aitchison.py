"""Directions between answers: inner products of log-ratios, weighed by what is likely."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from vitlens_widgets.models.probabilities import Kind, probabilities

_ROUNDING = 1e-6
"""Of logits in float32, as a share of the largest; changes below it have no direction."""


class Alignment(NamedTuple):
    """How one change of an answer stands to another, each `[image]`."""

    cosine: Tensor
    """Of the angle between them; NaN where one of them is no more than rounding."""
    stimulus: Tensor
    """The length of the first, in bits."""
    response: Tensor
    """The length of the second, in bits."""


def inner(one: Tensor, other: Tensor, weights: Tensor, kind: Kind) -> Tensor:
    """The weighted Aitchison inner product of two changes of an answer, `[..., class] -> [...]`.

    By softmax, the sum over classes of w times one log-ratio times the other, each log-ratio less
    its own weighted mean: the covariance of changes of logits under the weights. By sigmoid, each
    class is an answer of two parts by itself, of weights w and 1 - w, and their products add up.

    Args:
        one: A change of logits (that of log-probabilities differs by a constant, which counts for
            nothing).
        other: Another.
        weights: Logits of the answer that weighs the classes by its probabilities.
        kind: How logits become probabilities.

    Source:
        Egozcue & Pawlowsky-Glahn (2016), "Changing the reference measure in the simplex and its
        weighting effects"; of answers: Belrose et al. (2023), on causal fidelity.
    """
    w = probabilities(weights.double(), kind)
    one, other = one.double(), other.double()
    if kind == "sigmoid":
        return (w * (1 - w) * one * other).sum(-1)
    both = (one - (w * one).sum(-1, keepdim=True), other - (w * other).sum(-1, keepdim=True))
    return (w * both[0] * both[1]).sum(-1)


def alignment(stimulus: Tensor, response: Tensor, weights: Tensor, kind: Kind) -> Alignment:
    """How a change of the lens's answer stands to that of the model's; arguments as for `inner`."""
    lengths = [inner(one, one, weights, kind).clamp_min(0).sqrt() for one in (stimulus, response)]
    cosine = inner(stimulus, response, weights, kind) / (lengths[0] * lengths[1])
    rounding = _ROUNDING * weights.double().abs().amax(-1).clamp_min(1)
    moves = (lengths[0] > rounding) & (lengths[1] > rounding)
    return Alignment(
        torch.where(moves, cosine.clamp(-1, 1), torch.nan),
        *(length / math.log(2) for length in lengths),
    )
