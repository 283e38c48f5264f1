"""The last state of a run in which what one head, or one MLP, writes is made stronger or weaker."""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from vitlens_widgets.errors import UsageError, check_choice, check_number
from vitlens_widgets.lenses.head_outputs import HeadOutputs
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.trace import Trace
from vitlens_widgets.trace.edits import Add, Scale

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


class WrittenBy:
    """What components of a run write to the residual stream.

    Args:
        trace: The run.
    """

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._latest: tuple[int, HeadOutputs] | None = None

    def of(self, component: Writer) -> Tensor:
        """A component's, `[image, token, d]`: of a head `z_h W_O^h`, of an MLP all of `mlp_out`.

        Raises:
            UsageError: It is not there, or heads that are mixed before they are added.
        """
        layer, head = component
        if head is None:
            return self._trace["mlp_out", layer]
        if self._latest is None or self._latest[0] != layer:  # heads of a layer come in a row
            self._latest = layer, HeadOutputs(self._trace, layer)
        return self._latest[1].of(head)


@clean
def steered(
    trace: Trace,
    component: Writer,
    strength: float,
    mode: Mode = "frozen",
    contributions: WrittenBy | None = None,
) -> Tensor:
    """The last state with a component's contribution times `strength`.

    Args:
        trace: The run.
        component: What is steered, at all tokens.
        strength: 1 changes nothing, 0 takes it away; with `mode="frozen"`, infinity leaves nothing
            but the contribution: after a norm without bias, its direction.
        mode: `"frozen"`: what later components write stays as it was, so that the component's
            direct path alone is seen: `x_L + (strength - 1) o`. `"rerun"`: later blocks are run
            again and answer to the change.
        contributions: Those of the run, where several components of it are steered.

    Returns:
        `[image, token, d]`.

    Raises:
        UsageError: An unknown mode, an infinite strength of a rerun, or as `WrittenBy.of`.

    Source:
        Takatsuki et al. (2025), "Decoding vision transformers: the diffusion steering lens", steer
        a head and put what later modules wrote back in their places. That this comes to one sum is
        our reading: their code cannot be had.
    """
    strength = _check_how(strength, mode)
    if mode == "frozen":
        return moved(trace, (contributions or WrittenBy(trace)).of(component), strength)
    layer, head = component
    site, heads = ("mlp_out", None) if head is None else ("z", head)
    with torch.no_grad():
        return trace.rerun([Scale(site, layer, strength, head=heads)]).states[-1]


@clean
def added(
    trace: Trace, component: Writer, written: Tensor, strength: float, mode: Mode = "frozen"
) -> Tensor:
    """The last state with `strength - 1` times some vectors added where a component writes.

    With what the component itself writes this is `steered`.

    Args:
        trace: The run.
        component: Where they are added.
        written: `[image, token, d]`.
        strength: As in `steered`.
        mode: As in `steered`: `"rerun"` lets later blocks answer to them.

    Returns:
        `[image, token, d]`.

    Raises:
        UsageError: An unknown mode, or an infinite strength of a rerun.
    """
    strength = _check_how(strength, mode)
    if mode == "frozen":
        return moved(trace, written, strength)
    site = "mlp_out" if component.head is None else "attn_out"
    with torch.no_grad():
        return trace.rerun([Add(site, component.layer, (strength - 1) * written)]).states[-1]


def moved(trace: Trace, written: Tensor, strength: float) -> Tensor:
    """The last state with `strength - 1` times what is written added; that alone at `ALONE`.

    Args:
        trace: The run.
        written: `[image, token, d]`.
        strength: See `steered`.
    """
    return written if strength == ALONE else trace.states[-1] + (strength - 1) * written


def scaled_to(directions: Tensor, vectors: Tensor) -> Tensor:
    """Directions `[..., d]`, each as long as one of some vectors of the same shape."""
    lengths = [(one * one).sum(-1, keepdim=True).sqrt() for one in (vectors, directions)]
    return directions * (lengths[0] / lengths[1])


def check_strength(given: Any) -> float:
    """The strength, if it is a number or positive infinity.

    Raises:
        UsageError: It is not.
    """
    return ALONE if isinstance(given, float) and given == ALONE else check_number("strength", given)


def _check_how(strength: Any, mode: Any) -> float:
    """The strength, if it goes with the mode."""
    check_choice("mode", mode, ("frozen", "rerun"))
    strength = check_strength(strength)
    if mode == "rerun" and math.isinf(strength):
        raise UsageError('An infinite strength goes with mode="frozen": no block can run on it.')
    return strength
