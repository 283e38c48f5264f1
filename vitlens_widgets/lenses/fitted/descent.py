"""One step of gradient descent on translators, as the authors of the tuned lens take it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from vitlens_widgets.lenses.fitted.affine import Translators, by_kinds, translated_by
from vitlens_widgets.lenses.fitted.divergence import Target, divergences, finals, loss, one_token
from vitlens_widgets.lenses.fitted.kinds import spans
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.trace import ViT

MOMENTUM = 0.9
_LARGEST = 1.0
"""The norm that the gradient of all translators together is cut back to."""


class Objective(NamedTuple):
    """What translators are fitted by.

    Attributes:
        vit: The model, whose norm and classifier stay as they are.
        kinds: Of token, each with a translator.
        target: Whose final answer is to be given.
    """

    vit: ViT
    kinds: tuple[str, ...]
    target: Target

    def run(self, pixels: Tensor, place: int = 0, classes: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """The states of a batch, `[state, image, token, d]`, the final one last."""
        return self.vit.trace(pixels, preprocessed=True).states

    def states(self, run: Tensor) -> Tensor:
        """The states of a run, which are all there is of it."""
        return run

    def becomes(self, run: Tensor) -> Tensor:
        """Each token's final state, or the readout's, `[image, token, d]`."""
        final = run[-1]
        if self.target == "token":
            return final
        one = one_token(self.vit)
        assert one is not None  # noqa: S101  # TunedLens.fit has seen to that
        return final[:, one : one + 1].expand_as(final)

    @clean
    def gradients(self, run: Tensor, translators: Translators) -> tuple[Translators, Tensor]:
        """Of the loss of every state, which depends on its own translators alone.

        Args:
            run: As `run` gave it.
            translators: Of all states but that.

        Returns:
            The gradients, as the translators; and the losses in nats, `[state]`.
        """
        with torch.no_grad():
            final = finals(self.vit, run[-1], self.target)
        where = list(spans(self.vit, self.kinds))

        def value(moved: Tensor) -> Tensor:
            return loss(self.vit, divergences(self.vit, moved, final), self.kinds)

        return gradients_of(value, run, where, translators)


@clean
def gradients_of(
    value: Callable[[Tensor], Tensor],
    states: Tensor,
    where: Sequence[tuple[int, slice]],
    translators: Translators,
) -> tuple[Translators, Tensor]:
    """Of a loss of every state but the last, which depends on its own translators alone.

    Args:
        value: The loss of the translated tokens of one state, `[image, token, d]`.
        states: `[state, image, token, d]`.
        where: See `translated`.
        translators: Of all states but the last.

    Returns:
        The gradients, as the translators; and the losses, `[state]`.
    """
    slopes, losses = _each(translators, torch.empty_like), list[Tensor]()
    for k, state in enumerate(states[:-1]):
        losses.append(_into(k, value, state, where, translators, slopes))
    return slopes, torch.stack(losses)


@clean
def _into(
    k: int,
    value: Callable[[Tensor], Tensor],
    state: Tensor,
    where: Sequence[tuple[int, slice]],
    translators: Translators,
    slopes: Translators,
) -> Tensor:
    """Writes the gradients of state k into their places, and gives its loss."""
    # where the model is in half precision, gradients of a mean over many tokens would vanish
    scale = float(state.shape[0] * state.shape[1])
    # a leaf for each kind: a gradient of one that holds them all would be as large, and mostly 0
    of_kinds = [
        _each(of_kind, lambda part: part[k : k + 1].detach().requires_grad_())
        for of_kind in by_kinds(translators)
    ]
    leaves = [part for of_kind in of_kinds for part in of_kind if part is not None]
    with torch.enable_grad():
        loss_of_state = value(translated_by(state[None], where, of_kinds)[0])
        found = torch.autograd.grad(scale * loss_of_state, leaves)
    places = [part[k] for of_kind in by_kinds(slopes) for part in of_kind if part is not None]
    for place, slope in zip(places, found, strict=True):
        torch.div(slope[0], scale, out=place)
    return loss_of_state.detach()


class Descent(NamedTuple):
    """Translators and what the descent remembers; a step makes new ones, so that none is torn."""

    translators: Translators
    velocity: Translators

    def step(self, slopes: Translators, rate: float, decay: float) -> Descent:
        """After one step.

        Args:
            slopes: Gradients; their memory is the new translators' afterwards.
            rate: The learning rate.
            decay: Of weights: times a translator, added to its gradient, so that it tends to the
                identity.

        Source:
            Belrose et al. (2023), appendix on training, and their code: SGD with Nesterov momentum
            (Sutskever et al. 2013, as PyTorch has it), the norm of the whole gradient cut back
            to 1.
        """
        flat = [part.flatten() for part in slopes if part is not None]
        squares = sum(float(part.dot(part)) for part in flat)
        cut = min(1.0, _LARGEST / (squares**0.5 + 1e-6))
        moved: list[Tensor | None] = []
        velocity: list[Tensor | None] = []
        for part, before, slope in zip(*self, slopes, strict=True):
            if part is None or before is None or slope is None:
                moved.append(None)
                velocity.append(None)
                continue
            # as many numbers as a model has: new memory for them takes as long as a product
            along = slope.mul_(cut).add_(part, alpha=decay)
            kept = along.add(before, alpha=MOMENTUM)
            along.add_(kept, alpha=MOMENTUM)
            moved.append(torch.add(part, along, alpha=-rate, out=along))
            velocity.append(kept)
        return Descent(Translators(*moved), Translators(*velocity))


def at_rest(translators: Translators) -> Descent:
    """Before the first step."""
    return Descent(translators, _each(translators, torch.zeros_like))


def _each(translators: Translators, change: Callable[[Tensor], Tensor]) -> Translators:
    return Translators(*(None if part is None else change(part) for part in translators))
