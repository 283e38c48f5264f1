"""The last state of a run in which what one head, or one MLP, writes is made stronger or weaker."""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from vitlens_widgets.errors import UsageError, check_choice, check_number
from vitlens_widgets.lenses.source import head_output
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.trace import Trace
from vitlens_widgets.trace.edits import Scale

Mode = Literal["frozen", "rerun"]
ALONE = float("inf")
"""The strength at which nothing is left but the contribution."""


class Writer(NamedTuple):
    """What writes to the residual stream: a head of a block, or its MLP.

    Attributes:
        layer: The block.
        head: The head; None for the MLP.
    """

    layer: int
    head: int | None = None

    def __str__(self) -> str:
        return f"L{self.layer} {'MLP' if self.head is None else f'H{self.head}'}"


def contribution(trace: Trace, component: Writer) -> Tensor:
    """What a component writes to the residual stream, `[image, token, d]`.

    Of a head `z_h W_O^h`, of an MLP all of `mlp_out`.

    Raises:
        UsageError: It is not there, or heads that are mixed before they are added.
    """
    layer, head = component
    return trace["mlp_out", layer] if head is None else head_output(trace, layer, head)


@clean
def steered(trace: Trace, component: Writer, strength: float, mode: Mode = "frozen") -> Tensor:
    """The last state with a component's contribution times `strength`.

    Args:
        trace: The run.
        component: What is steered, at all tokens.
        strength: 1 changes nothing, 0 takes it away; with `mode="frozen"`, infinity leaves nothing
            but the contribution: after a norm without bias, its direction.
        mode: `"frozen"`: what later components write stays as it was, so that the component's
            direct path alone is seen: `x_L + (strength - 1) o`. `"rerun"`: later blocks are run
            again and answer to the change.

    Returns:
        `[image, token, d]`.

    Raises:
        UsageError: An unknown mode, an infinite strength of a rerun, or as `contribution`.

    Source:
        Takatsuki et al. (2025), "Decoding vision transformers: the diffusion steering lens", steer
        a head and put what later modules wrote back in their places. That this comes to one sum is
        our reading: their code cannot be had.
    """
    check_choice("mode", mode, ("frozen", "rerun"))
    strength = check_strength(strength)
    if mode == "frozen":
        return moved(trace, contribution(trace, component), strength)
    if math.isinf(strength):
        raise UsageError('An infinite strength goes with mode="frozen": no block can run on it.')
    layer, head = component
    site, heads = ("mlp_out", None) if head is None else ("z", head)
    with torch.no_grad():
        return trace.rerun([Scale(site, layer, strength, head=heads)]).states[-1]


def moved(trace: Trace, written: Tensor, strength: float) -> Tensor:
    """The last state with `strength - 1` times what is written added; that alone at `ALONE`.

    Args:
        trace: The run.
        written: `[image, token, d]`.
        strength: See `steered`.
    """
    return written if strength == ALONE else trace.states[-1] + (strength - 1) * written


def check_strength(given: Any) -> float:
    """The strength, if it is a number or positive infinity.

    Raises:
        UsageError: It is not.
    """
    return ALONE if isinstance(given, float) and given == ALONE else check_number("strength", given)
