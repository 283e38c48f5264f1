"""One step of training: Adam, the decoder's columns at unit norm, and which latents are dead."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from vitlens_widgets.features.training.loss import Passed, Weights, loss_of, passed
from vitlens_widgets.features.training.plan import SAEPlan
from vitlens_widgets.models.cleanup import clean

_BETA_1, _BETA_2, _EPSILON = 0.9, 0.999, 6.25e-10
_LARGEST = 1.0
"""The norm that the gradient of all tensors together is cut back to."""
_KEPT = 0.99
"""Of the threshold, from one step to the next."""


class Learning(NamedTuple):
    """How far an SAE has come; a step makes a new one, so that none is torn.

    Attributes:
        weights: The SAE.
        mean: Adam's running mean of gradients.
        square: Of their squares.
        silent: For how many tokens each latent has been off, int64 `[latent]`.
        threshold: What a latent of a batch must be above to be on, a running mean.
    """

    weights: Weights
    mean: Weights
    square: Weights
    silent: Tensor
    threshold: Tensor


class Told(NamedTuple):
    """What a step says of its batch.

    Attributes:
        loss: What was minimised.
        explained: The share of the variance that is explained.
        l0: How many latents are on, a mean over tokens.
        dead: The share of latents that are dead.
    """

    loss: float
    explained: float
    l0: float
    dead: float


def begun(tokens: Tensor, plan: SAEPlan) -> Learning:
    """Before the first step: random directions, each latent reading what it writes.

    Args:
        tokens: Some, scaled, `[token, d]`: their middle is the decoder's bias.
        plan: How it is trained.

    Source:
        Gao et al. (2024), appendix on initialisation.
    """
    generator = torch.Generator().manual_seed(plan.seed)
    drawn = torch.randn(plan.n_latents, tokens.shape[-1], generator=generator)
    decoder = torch.nn.functional.normalize(drawn, dim=-1).to(tokens)
    center = geometric_median(tokens) if plan.center == "median" else tokens.mean(0)
    weights = Weights(decoder, decoder.new_zeros(plan.n_latents), decoder.clone(), center)
    mean, square = (Weights(*map(torch.zeros_like, weights)) for _ in range(2))
    silent = torch.zeros(plan.n_latents, dtype=torch.int64, device=tokens.device)
    return Learning(weights, mean, square, silent, tokens.new_zeros(()))


def geometric_median(tokens: Tensor, most: int = 100) -> Tensor:
    """The point of the least sum of distances to tokens `[token, d]`, by Weiszfeld's iteration."""
    center = tokens.mean(0)
    for _ in range(most):
        far = (tokens - center).square().sum(-1).sqrt().clamp(min=1e-8)
        moved = (tokens / far[:, None]).sum(0) / far.reciprocal().sum()
        if (moved - center).square().sum().sqrt() <= 1e-6 * far.mean():
            return moved
        center = moved
    return center


@clean
def stepped(now: Learning, x: Tensor, step: int, plan: SAEPlan) -> tuple[Learning, Told]:
    """After one step on tokens `[token, d]`, scaled."""
    dead = now.silent >= plan.dead_after
    leaves = Weights(*(part.detach().requires_grad_() for part in now.weights))
    with torch.enable_grad():
        run = passed(leaves, x, plan)
        loss = loss_of(leaves, x, run, plan, dead)
        slopes = Weights(*torch.autograd.grad(loss, leaves))
    with torch.no_grad():
        moved = _moved(now, _cut(_across(slopes, now.weights)), step, plan)
        latents = run.latents.detach()
        fired = (latents > 0).any(0)
        silent = torch.where(fired, 0, now.silent + len(x))
        after = moved._replace(silent=silent, threshold=_threshold(now.threshold, latents, step))
        return after, _told(loss, x, run, dead)


def _across(slopes: Weights, weights: Weights) -> Weights:
    """Without what would change the length of a decoder's column, which is kept at 1."""
    along = (slopes.decoder * weights.decoder).sum(-1, keepdim=True)
    return slopes._replace(decoder=slopes.decoder - along * weights.decoder)


def _cut(slopes: Weights) -> Weights:
    """Cut back together to the largest norm."""
    squares = sum(float(part.square().sum()) for part in slopes)
    share = min(1.0, _LARGEST / (squares**0.5 + 1e-6))
    return Weights(*(part * share for part in slopes))


def _moved(now: Learning, slopes: Weights, step: int, plan: SAEPlan) -> Learning:
    """Adam's step (Kingma & Ba 2015, algorithm 1), then unit columns."""
    rate = plan.rate_at(step) / (1 - _BETA_1 ** (step + 1))
    debias = 1 - _BETA_2 ** (step + 1)
    found: list[Tensor] = []
    means: list[Tensor] = []
    squares: list[Tensor] = []
    for part, mean, square, slope in zip(now.weights, now.mean, now.square, slopes, strict=True):
        means.append(torch.lerp(mean, slope, 1 - _BETA_1))
        squares.append(torch.lerp(square, slope.square(), 1 - _BETA_2))
        size = (squares[-1] / debias).sqrt_().add_(_EPSILON)
        found.append(torch.addcdiv(part, means[-1], size, value=-rate))
    weights = Weights(*found)
    unit = torch.nn.functional.normalize(weights.decoder, dim=-1)
    return now._replace(
        weights=weights._replace(decoder=unit), mean=Weights(*means), square=Weights(*squares)
    )


def _threshold(before: Tensor, latents: Tensor, step: int) -> Tensor:
    """The running mean of the smallest latent that is on in a batch (Bussmann et al. 2024)."""
    smallest = torch.where(latents > 0, latents, torch.inf).min()
    if not bool(smallest.isfinite()):
        return before
    kept = min(_KEPT, step / (step + 1))
    return kept * before + (1 - kept) * smallest


def _told(loss: Tensor, x: Tensor, run: Passed, dead: Tensor) -> Told:
    error = (x - run.back).square().sum()
    spread = (x - x.mean(0)).square().sum()
    on = (run.latents > 0).sum(-1).float().mean()
    values = torch.stack([loss.detach(), 1 - error / spread, on, dead.float().mean()])
    return Told(*values.tolist())
