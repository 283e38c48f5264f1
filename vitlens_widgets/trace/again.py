"""One block of a trace again: with further edits, or with gradients of its own alone."""

# pyright: reportPrivateUsage=false
# These would be methods of a trace, but that few who read it need them.

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.models.score_parts import ScoreParts
from vitlens_widgets.trace.attention import Claim
from vitlens_widgets.trace.base import BaseTrace
from vitlens_widgets.trace.edits import Edit, PlacedEdit
from vitlens_widgets.trace.freezing import Freezing, freezing
from vitlens_widgets.trace.instrument import instrumented
from vitlens_widgets.trace.modules import parts_of
from vitlens_widgets.trace.region import Region
from vitlens_widgets.trace.rows import AttentionRows
from vitlens_widgets.trace.sites import check_index
from vitlens_widgets.trace.validate import place, validate


def is_edited(trace: BaseTrace, layer: int, *sites: str) -> bool:
    """Whether an edit of the run changed one of these sites of a block."""
    return any(
        isinstance(placed, PlacedEdit) and placed.edit.site in sites and layer in placed.layers
        for placed in trace._edits
    )


def site_if(trace: BaseTrace, site: str, layer: int, edits: Sequence[Edit]) -> Tensor:
    """What a site of one block would be with further edits in that block, from the same state.

    Args:
        trace: The trace; its own edits are made again.
        site: One of the sites that show in the block (not the derived ones).
        layer: The block.
        edits: Edits in that block.

    Raises:
        UsageError: An edit that does not fit, or weights that have changed since.
    """
    every = [*trace.edits, *edits]
    _, placed = validate(every, trace.vit, trace.layout, trace.n_images)
    further = [edit for edit in placed[len(trace.edits) :] if isinstance(edit, PlacedEdit)]
    return trace._run_block(layer, [site], further)[site]


@clean
def from_leaf(
    trace: BaseTrace, layer: int, leaf: str, *sites: str, frozen: Freezing | None = None
) -> dict[str, Tensor]:
    """Run one block again from its state, with one of its sites as a free variable.

    `torch.autograd.grad` of anything made of a later site gives the gradient in the leaf by way of
    this block alone: other blocks hold no part of the graph.

    Args:
        trace: The trace; its edits are made again, those of the leaf's site upon the leaf.
        layer: The block.
        leaf: The site that is a leaf of the graph, such as `"z"`.
        *sites: Other sites of the block.
        frozen: Keeps the scale of the norms between them, so that what is added is affine in the
            leaf; none by default.

    Returns:
        The leaf and the other sites by name.

    Raises:
        UsageError: A site that can only be read, or weights that have changed since.
        UnsupportedModelError: A site that the block does not have.

    Example:
        >>> found = from_leaf(trace, 3, "z", "attn_out")
        >>> torch.autograd.grad(found["attn_out"][:, 0].sum(), found["z"])
    """
    trace.vit.adapter.hook_points(layer)[leaf].check_edits()
    free = _Leaf(leaf, layer)
    found: dict[str, Tensor] = {}

    def see(site: str, _layer: int, value: Tensor) -> None:
        if site in sites:
            found[site] = value.clone()  # the model may go on to change its own in place

    state = trace.states[layer].detach()
    plan = trace._plan(layer, sites, see, state, before=[place(free, trace._context)])
    parts = parts_of(trace.vit.adapter.blocks[layer])
    held = nullcontext() if frozen is None else freezing(parts, frozen)
    with torch.no_grad(), instrumented(plan), held:
        trace.vit.adapter.run_block(layer, state)
    return found | free.found


@dataclass(frozen=True, repr=False, eq=False)
class _Leaf(Edit):
    """The value stays as it is, and is a leaf of the graph, which begins here."""

    found: dict[str, Tensor] = field(default_factory=dict[str, Tensor])

    def changed(self, value: Tensor, layer: int, region: Region) -> Tensor:  # noqa: ARG002
        """The leaf."""
        torch.set_grad_enabled(True)
        self.found[self.site] = value.detach().clone().requires_grad_()
        return self.found[self.site]


def attention_rows(
    trace: BaseTrace,
    layer: int,
    image: int = 0,
    kind: Literal["pattern", "scores"] = "pattern",
    of: tuple[Tensor, Tensor] | None = None,
) -> AttentionRows:
    """As `trace.attention` of one image, for a head or for some queries at a time.

    What is left to be seen of the block's attention is seen once rows are asked for, which are
    refused then; see `AttentionRows`.

    Args:
        trace: The trace.
        layer: The block.
        image: Which image.
        kind: As for `trace.attention`.
        of: The sites q and k of the block, where they are at hand; the block runs again for them.

    Raises:
        UsageError: As `trace.attention`, or there is no such image.
    """
    site = trace._attention_site(layer, kind)
    check_index("image", image, trace.n_images)
    if (site, layer) in trace.kept:
        return AttentionRows(None, pattern=trace.kept[site, layer][image])
    claims: list[Claim] = []
    alone = claims if trace.n_images == 1 else None  # rows of one image say nothing of the others
    q, k = trace._sites(layer, ("q", "k"), alone) if of is None else of
    claim = claims[0] if claims else None
    return AttentionRows(_exact_parts(trace, layer, q, k), image, claim=claim)


@clean
def _exact_parts(trace: BaseTrace, layer: int, q: Tensor, k: Tensor) -> ScoreParts:
    with torch.no_grad():
        return trace.vit.adapter.exact_parts(layer, q, k)
