"""Directions of a state that a lens's answer depends on most, one after another."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, cast

import torch
from torch import Tensor

from vitlens_widgets.analysis.lens_causality.erasing import erased
from vitlens_widgets.lenses import statistics
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.models.probabilities import Kind

_STEPS = 40
_STARTS = 8
_LEAST = 1e-8


class CausalBasis(NamedTuple):
    """Directions that are orthogonal to one another, the most influential first."""

    directions: Tensor
    """Each of length 1, `[direction, d]`."""
    energies: Tensor
    """KL of the lens's answer from that without the direction, mean over images, in nats."""


class Influence(NamedTuple):
    """By how much an answer moves when a direction of some tokens is set to its mean.

    Attributes:
        answer: From those tokens, `[image, token, d]`, to logits, `[image, class]`.
        tokens: As they are.
        kind: How logits become probabilities.
    """

    answer: Callable[[Tensor], Tensor]
    tokens: Tensor
    kind: Kind

    def of(self, direction: Tensor, before: statistics.Final) -> Tensor:
        """Mean KL(before || after) over images in nats; differentiable by the direction."""
        mean = self.tokens.mean((0, 1))
        after = self.answer(erased(self.tokens, mean, direction)).float()
        return statistics.kl_to(before, after, self.kind).mean()

    @clean
    def before(self) -> statistics.Final:
        """What is answered without any change."""
        with torch.no_grad():
            return statistics.final(self.answer(self.tokens).float(), self.kind)

    @clean
    def starts(self) -> Tensor:
        """Where it is worth to begin, `[direction, d]`.

        The main components of the tokens, along which they differ, and of the gradients of the
        answer's own best class, along which it is moved.
        """
        flat = self.tokens.flatten(0, 1)
        with torch.enable_grad():
            leaf = self.tokens.detach().clone().requires_grad_()
            best = self.answer(leaf).float().log_softmax(-1).amax(-1).sum()
            (slopes,) = torch.autograd.grad(best, leaf)
        parts = [principal(flat - flat.mean(0), _STARTS), principal(slopes.sum(1), _STARTS)]
        return torch.cat(parts)


@clean
def causal_basis(influence: Influence, n_directions: int) -> CausalBasis:
    """The directions without which a lens's answer changes most, each orthogonal to those before.

    Args:
        influence: Of a direction on the lens's answer.
        n_directions: How many.

    Source:
        Belrose et al. (2023), on causal basis extraction, and their code: L-BFGS with
        strong Wolfe line search on the sphere, erasure by the mean. They start from singular
        vectors of the unembedding; here each search starts from the best of `Influence.starts`,
        as a lens need not have one matrix for that.
    """
    before, starts = influence.before(), influence.starts()
    found = starts[:0]
    energies: list[float] = []
    for _ in range(n_directions):
        direction = _searched(influence, before, _best(influence, before, starts, found), found)
        with torch.no_grad():
            energies.append(float(influence.of(direction, before)))
        found = torch.cat([found, direction[None]])
    order = torch.tensor(energies).argsort(descending=True)
    return CausalBasis(found[order.to(found.device)], torch.tensor(energies)[order])


@clean
def _best(influence: Influence, before: statistics.Final, starts: Tensor, found: Tensor) -> Tensor:
    """The start with the largest influence, apart from what was found."""
    every = [one for start in starts if (one := _apart(start, found)).norm() > 0.5]
    # where all of them are spent, any direction that is left will do
    every += [_apart(one, found) for one in torch.eye(starts.shape[1]).to(starts)[: len(found) + 1]]
    with torch.no_grad():
        values = [float(influence.of(one, before)) for one in every]
    return every[max(range(len(every)), key=values.__getitem__)]


@clean
def _searched(
    influence: Influence, before: statistics.Final, start: Tensor, found: Tensor
) -> Tensor:
    """The direction that a search from there leads to; the start where it leads nowhere."""
    with torch.enable_grad():
        free = start.detach().clone().requires_grad_()
        search = torch.optim.LBFGS([free], max_iter=_STEPS, line_search_fn="strong_wolfe")

        def value() -> Tensor:
            loss = -influence.of(_apart(free, found), before)
            (free.grad,) = torch.autograd.grad(loss, free)
            return loss

        search.step(value)
    with torch.no_grad():
        ended = _apart(free.detach(), found)
        better = ended.isfinite().all() and influence.of(ended, before) >= influence.of(
            start, before
        )
    return ended if better else start


def _apart(direction: Tensor, found: Tensor) -> Tensor:
    """Of length 1, without what lies along those that were found; 0 where nothing else is there."""
    left = direction
    for _ in range(2):  # twice: once leaves rounding behind
        left = left - found.mT @ (found @ left)
    length = cast("Tensor", left.norm())
    return left / length if length > _LEAST * direction.norm().clamp_min(1e-30) else left * 0


def principal(rows: Tensor, n: int) -> Tensor:
    """The first main directions of rows `[row, d]`, `[at most n, d]`, each of length 1."""
    right = cast("Tensor", torch.linalg.svd(rows.double(), full_matrices=False)[2])
    return right[:n].to(rows)


def random_directions(n: int, width: int, seed: int, state: int) -> Tensor:
    """Directions of no meaning, orthogonal to one another, `[direction, d]`."""
    generator = torch.Generator().manual_seed(1_000_003 * seed + state)
    drawn = torch.randn(width, n, generator=generator, dtype=torch.float64)
    return cast("Tensor", torch.linalg.qr(drawn)[0]).mT.float()
