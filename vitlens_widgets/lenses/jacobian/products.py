"""Jacobians of what is read in every state, row by row: vector-Jacobian products."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from vitlens_widgets.lenses.jacobian.targets import Target, targets_of
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.trace import Trace
from vitlens_widgets.trace.modules import check_differentiable


class Linear(NamedTuple):
    """What is read as an affine map of a state, `J h + c`, summed over images."""

    jacobian: Tensor
    """J, float32 `[state, kind, d, d]`: its rows are what is read, its columns the state."""
    intercept: Tensor
    """c, float32 `[state, kind, d]`: what is read, less J h of the image's own tokens."""
    squares: Tensor
    """Of each image's J the sum of squared numbers, float32 `[state, kind]`."""
    n_images: int


@clean
def linear(trace: Trace, kinds: Sequence[str], step: Callable[[], object] = lambda: None) -> Linear:
    """The affine maps of a trace's images, of each state but the last.

    J of a kind is the sum over its tokens of the derivative of what is read, divided by what these
    tokens weigh in it: what is read when all of them move alike.

    Args:
        trace: A trace with gradients.
        kinds: The kinds of token (`lenses.fitted.kinds`).
        step: Called after each vector-Jacobian product: d of them for each target.

    Raises:
        UsageError: No gradients can be had, or as `targets_of`.
    """
    vit, n_states = trace.vit, trace.vit.n_layers
    check_differentiable(vit, trace.states[0], "A Jacobian lens")
    states = [trace["resid_pre", k] for k in range(n_states)]
    values = [state.detach() for state in states]
    last = trace["resid_post", n_states - 1]
    found = Linear(
        last.new_zeros(n_states, len(kinds), vit.width, vit.width),
        last.new_zeros(n_states, len(kinds), vit.width),
        last.new_zeros(n_states, len(kinds)),
        trace.n_images,
    )
    with torch.enable_grad():
        for target in targets_of(vit, kinds, last.detach()):
            read = torch.einsum("it,itd->id", target.weights, last)
            for row in range(vit.width):
                gradients = torch.autograd.grad(read[:, row].sum(), states, retain_graph=True)
                _add_row(found, target, row, read[:, row].detach(), gradients, values)
                step()
    return found


def _add_row(
    found: Linear,
    target: Target,
    row: int,
    read: Tensor,
    gradients: Sequence[Tensor],
    states: Sequence[Tensor],
) -> None:
    """One number of what is read, of every state and kind."""
    for k, (gradient, state) in enumerate(zip(gradients, states, strict=True)):
        products = (gradient * state).sum(-1)  # [image, token]
        for kind in target.kinds:
            moved = kind.total(gradient) / kind.share[:, None]
            found.jacobian[k, kind.place, row] = moved.sum(0)
            found.squares[k, kind.place] += moved.square().sum()
            found.intercept[k, kind.place, row] = (read - kind.total(products) / kind.share).sum()
