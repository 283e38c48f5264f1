"""`Branch`: what a part of a block adds to an answer, as an affine map of its heads or neurons."""

# pyright: reportPrivateUsage=false
# As `again`: these would be methods of a trace, but that few who read it need them.

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from vitlens_widgets.errors import UsageError
from vitlens_widgets.models.cleanup import clean, hooking
from vitlens_widgets.models.hook_points import HookPoint, JoinedPoint
from vitlens_widgets.trace.again import from_leaf, is_edited
from vitlens_widgets.trace.base import BaseTrace
from vitlens_widgets.trace.freezing import Freezing, freezing
from vitlens_widgets.trace.frozen_readout import FrozenReadout
from vitlens_widgets.trace.instrument import instrumented
from vitlens_widgets.trace.modules import parts_of
from vitlens_widgets.trace.rounding import tolerance_of

ADDED = {"z": "attn_out", "mlp_post": "mlp_out"}
"""What is added to the stream, by the site whose heads or neurons it is made of."""


@dataclass(frozen=True)
class Branch:
    """What attention, or the MLP, of one block adds to the answer, at the tokens that are read.

    Attributes:
        values: The heads' `z`, `[image, read, head, d_head]`, or the neurons, `[image, read, n]`.
        gradient: What a unit of them adds, `[target, image, read, head, d_head]`, or
            `[target, image, read, n]`: through norms of the run's scale, gates, the projection and
            the layer scale.
        bias: What is added whatever they are, `[target, image]`.
        whole: All that is added, `[target, image]`.
        edited: What edits of what is added have put in, `[target, image]`.
        sites: Other sites of the block that were asked for, by name.
    """

    values: Tensor
    gradient: Tensor
    bias: Tensor
    whole: Tensor
    edited: Tensor
    sites: Mapping[str, Tensor]


@clean
@torch.enable_grad()
def branch(trace: BaseTrace, layer: int, site: str, readout: FrozenReadout, *also: str) -> Branch:
    """What is made of `z` (attention) or of `mlp_post` (the MLP) in one block, and added.

    Args:
        trace: The run; its edits are made again.
        layer: The block.
        site: `"z"` or `"mlp_post"`.
        readout: The readout, frozen at that run.
        *also: Other sites of the block, which the same run shows; they come before `site`.

    Raises:
        UsageError: What is added is no affine map of its heads or neurons, even with the scale of
            norms frozen, or weights that have changed since.
        UnsupportedModelError: A site that the block does not have.
    """
    frozen, added = Freezing(), ADDED[site]
    leaves, shown = _run(trace, layer, site, frozen, (added, *also))
    out, read = shown.pop(added)[:, readout.tokens], readout.tokens
    found = ((_bias_of(module), product) for module, product in frozen.products)
    biases = [(bias, product) for bias, product in found if bias is not None]
    grads = _gradients(out, [*leaves.inputs, *(product for _, product in biases)], readout)
    n = len(leaves.inputs)
    gradient = torch.stack([leaves.site(list(one[:n]))[:, read] for one in grads])
    values = leaves.site([one.detach() for one in leaves.inputs])[:, read]
    bias = torch.stack([_of_biases(one[n:], biases, trace.n_images) for one in grads])
    whole = torch.einsum("cird,ird->ci", readout.direction, out.detach())
    parts = (gradient * values).flatten(2).sum(-1) + bias
    rest = whole - parts
    changed = is_edited(trace, layer, site, added)
    if not changed:
        _check(trace, layer, added, rest, whole, readout)
    edited = rest if changed else torch.zeros_like(rest)
    return Branch(values, gradient, bias, whole, edited, shown)


@dataclass(frozen=True)
class _Leaves:
    """The tensors that are free, and how the site shows in them."""

    inputs: list[Tensor]
    points: list[HookPoint] | None
    """Where each of several branches shows its own; None where the one leaf is the site."""

    def site(self, tensors: list[Tensor]) -> Tensor:
        """The site in tensors like the leaves."""
        if self.points is None:
            return tensors[0]
        shown = [point.read(one) for point, one in zip(self.points, tensors, strict=True)]
        return torch.cat(shown, dim=2)


def _run(
    trace: BaseTrace, layer: int, site: str, frozen: Freezing, sites: Sequence[str]
) -> tuple[_Leaves, dict[str, Tensor]]:
    """The block again from its site, which is free, with others that it shows."""
    point = trace.vit.adapter.hook_points(layer)[site]
    if isinstance(point, JoinedPoint) and point.how == "side_by_side":
        return _from_branches(trace, layer, list(point.parts), sites, frozen)
    found = from_leaf(trace, layer, site, *sites, frozen=frozen)
    return _Leaves([found.pop(site)], None), found


@clean
def _from_branches(
    trace: BaseTrace, layer: int, points: list[HookPoint], sites: Sequence[str], frozen: Freezing
) -> tuple[_Leaves, dict[str, Tensor]]:
    """As `from_leaf`, of branches that each show some of the heads or neurons.

    No edit changes these sites together, but what each branch's module is given can be freed.
    """
    inputs: list[Tensor] = []
    seen: dict[str, Tensor] = {}

    def free(_module: object, args: tuple[Any, ...], words: dict[str, Any]) -> Any:
        torch.set_grad_enabled(True)
        inputs.append(args[0].detach().clone().requires_grad_())
        return (inputs[-1], *args[1:]), words

    def see(site: str, _layer: int, value: Tensor) -> None:
        seen[site] = value.clone()

    block, state = trace.vit.adapter.blocks[layer], trace.states[layer].detach()
    plan = trace._plan(layer, sites, see, state)
    with (
        torch.no_grad(),
        instrumented(plan),
        freezing(parts_of(block), frozen),
        hooking() as hooks,
    ):
        for point in points:
            hooks.before(point.module, free)
        trace.vit.adapter.run_block(layer, state)
    return _Leaves(inputs, points), seen


def _bias_of(module: nn.Module) -> Tensor | None:
    return cast("Tensor | None", getattr(module, "bias", None))


def _gradients(out: Tensor, inputs: list[Tensor], readout: FrozenReadout) -> list[list[Tensor]]:
    """Of what is added along each target's direction, in every input."""
    if not out.requires_grad:  # an edit has put something else in its place
        return [[torch.zeros_like(one) for one in inputs] for _ in readout.direction]
    found = [
        torch.autograd.grad(out, inputs, along, retain_graph=True, allow_unused=True)
        for along in readout.direction
    ]
    return [
        [
            torch.zeros_like(one) if grad is None else grad
            for one, grad in zip(inputs, grads, strict=True)
        ]
        for grads in found
    ]


def _of_biases(grads: list[Tensor], biases: list[tuple[Tensor, Tensor]], n_images: int) -> Tensor:
    """What the biases of layers and norms add, `[image]`."""
    total = grads[0].new_zeros(n_images) if grads else torch.zeros(n_images)
    for grad, (bias, _) in zip(grads, biases, strict=True):
        by_image = grad if len(grad) == n_images else grad.transpose(0, 1)  # MLCD: tokens first
        total = total + (by_image * bias.detach()).flatten(1).sum(1)
    return total


def _check(
    trace: BaseTrace,
    layer: int,
    added: str,
    rest: Tensor,
    whole: Tensor,
    readout: FrozenReadout,
) -> None:
    scale = torch.maximum(whole.abs().amax(), readout.logits.abs().amax())
    if rest.abs().amax() > tolerance_of(whole.dtype) * scale:
        raise UsageError(
            f'The "{added}" of block {layer} of {trace.vit.name} is no sum over its parts, even '
            "with the scale of norms frozen: something that is not linear stands between them and "
            "the residual stream."
        )
