"""What an SAE in training is made of, and the loss that it goes down."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from vitlens_widgets.features.training.plan import SAEPlan


class Weights(NamedTuple):
    """The tensors that are learned, as `SAE` has them."""

    encoder: Tensor
    encoder_bias: Tensor
    decoder: Tensor
    decoder_bias: Tensor


class Passed(NamedTuple):
    """What became of a batch of tokens."""

    before: Tensor
    """What the encoder gives, `[token, latent]`."""
    latents: Tensor
    """Those that stay on, `[token, latent]`, 0 or more."""
    back: Tensor
    """What they decode to, `[token, d]`."""


def passed(weights: Weights, x: Tensor, plan: SAEPlan) -> Passed:
    """Tokens `[token, d]`, encoded and decoded."""
    centered = x - weights.decoder_bias
    before = functional.linear(centered, weights.encoder, weights.encoder_bias)
    latents = before.relu() * _stays_on(before, plan)
    return Passed(before, latents, latents @ weights.decoder + weights.decoder_bias)


def _stays_on(before: Tensor, plan: SAEPlan) -> Tensor | float:
    """1 where a latent may be on: among the k largest of its token, or of the batch k a token.

    Source:
        Gao et al. (2024), equation 3; Bussmann et al. (2024), "BatchTopK sparse autoencoders",
        section 3.
    """
    if plan.kind == "relu":
        return 1.0
    by_token = plan.kind == "topk"
    of = before if by_token else before.reshape(1, -1)
    k = plan.k if by_token else min(plan.k * len(before), of.shape[-1])
    where = of.topk(k, dim=-1, sorted=False).indices
    return torch.zeros_like(of).scatter(-1, where, 1.0).view_as(before)


def loss_of(weights: Weights, x: Tensor, run: Passed, plan: SAEPlan, dead: Tensor) -> Tensor:
    """What is minimised: a mean over tokens and channels, and what dead latents leave unexplained.

    Squared errors (of each of the nested numbers of latents, added up, for a Matryoshka SAE), plus
    `l1` times the sum of the latents for ReLU alone, plus `auxiliary` times the share of the error
    that the dead latents, were the largest of them on, would leave.

    Args:
        weights: The SAE.
        x: Tokens `[token, d]`.
        run: What became of them.
        plan: How it is trained.
        dead: Which latents are dead, bool `[latent]`.

    Source:
        Gao et al. (2024), section 2 and appendix on dead latents; Bricken et al. (2023), "Towards
        monosemanticity", for L1; Bussmann et al. (2025), "Learning multi-level features with
        Matryoshka sparse autoencoders", section 3.
    """
    total = _nested_errors(weights, x, run, plan)
    if plan.kind == "relu":  # columns of the decoder have unit norm
        total = total + plan.l1 * run.latents.sum(-1).mean() / x.shape[-1]
    if plan.auxiliary and bool(dead.any()):
        total = total + plan.auxiliary * _left_by_dead(weights, x, run, dead)
    return total


def _nested_errors(weights: Weights, x: Tensor, run: Passed, plan: SAEPlan) -> Tensor:
    if plan.kind != "matryoshka":
        return (run.back - x).square().mean()
    back, first, total = weights.decoder_bias, 0, x.new_zeros(())
    for last in plan.nested:
        back = back + run.latents[:, first:last] @ weights.decoder[first:last]
        total = total + (back - x).square().mean()
        first = last
    return total


def _left_by_dead(weights: Weights, x: Tensor, run: Passed, dead: Tensor) -> Tensor:
    """The share of the error that the largest dead latents, at most d / 2 a token, do not explain.

    The error is what is to be explained, and no gradient goes through it.
    """
    error = (x - run.back).detach()
    before, decoder = run.before[:, dead].relu(), weights.decoder[dead]
    k = min(before.shape[-1], max(1, x.shape[-1] // 2))
    largest, where = before.topk(k, dim=-1, sorted=False)
    latents = torch.zeros_like(before).scatter(-1, where, largest)
    spread = (error - error.mean(0)).square().mean()
    return ((latents @ decoder - error).square().mean() / spread).nan_to_num(0.0, 0.0, 0.0)
