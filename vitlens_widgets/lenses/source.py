"""What a lens is laid on: the states of a trace, or what one kind of sub-block adds to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from vitlens_widgets.errors import UsageError, check_choice, check_flag
from vitlens_widgets.trace import Trace
from vitlens_widgets.trace.again import site_if
from vitlens_widgets.trace.edits import Replace, Zero
from vitlens_widgets.trace.sites import check_index

# How exactly head parts must add up, relative to the largest entry: rounding passes, also that of
# bfloat16; a norm over the heads does not.
_ADDITIVE = 2e-2

ADDED = ("attn_out", "mlp_out")
"""Sites that are added to the residual stream as they are."""


@dataclass(frozen=True)
class Source:
    """What is decoded, `[state, image, token, d]`.

    Args:
        trace: The trace it comes from.
        names: What each state, or each sub-block output, is called.
        values: Gives some of them, `[state, image, token, d]`.
        site: What they are, where they are not the states: `"attn_out"`, `"attn_out (head 2)"`.
    """

    trace: Trace
    names: list[str]
    values: Callable[[slice], Tensor]
    site: str = ""

    @property
    def is_states(self) -> bool:
        """Whether these are the states themselves, of which the last is the final one."""
        return len(self.names) == self.trace.n_states


def source_of(trace: Trace, site: str, head: int | None = None, value_bias: bool = True) -> Source:
    """The states of a trace (`site="resid"`), or L sub-block outputs.

    Args:
        trace: The trace.
        site: `"resid"` for the L + 1 states, `"attn_out"` or `"mlp_out"` for what the L blocks
            add.
        head: With `"attn_out"`, one head's part of it: `z_h W_O^h` with the block's layer scale,
            without the projection's bias, which belongs to no head.
        value_bias: Of a head: see `head_output`.

    Raises:
        UsageError: Another site, a head out of range, or a block whose heads do not add up.
    """
    if not check_flag("value_bias=", value_bias) and head is None:
        raise UsageError("value_bias=False is about one head: give head=, too.")
    if head is not None and site != "attn_out":
        raise UsageError(f'head= goes with site="attn_out", not with site={site!r}.')
    check_choice("site, what a lens reads,", site, ("resid", *ADDED))
    if site == "resid":
        return Source(trace, trace.vit.state_names, lambda states: trace.states[states])
    trace.vit.adapter.hook_points(0)[site]  # refuses a site that the model does not have
    layers = range(trace.vit.n_layers)
    if head is None:
        return _of_blocks(trace, site, [f"{k}_{site}" for k in layers], lambda k: trace[site, k])
    check_index("head", head, trace.vit.n_heads)
    names = [f"L{k} H{head}" for k in layers]
    said = f"{site} (head {head}{'' if value_bias else ', without value bias'})"
    return _of_blocks(trace, said, names, lambda k: head_output(trace, k, head, value_bias))


def _of_blocks(
    trace: Trace, site: str, names: list[str], output: Callable[[int], Tensor]
) -> Source:
    """What each block adds, found once: a block may have to run for it."""
    found = cache(output)

    def values(blocks: slice) -> Tensor:
        return torch.stack([found(k) for k in range(blocks.start, blocks.stop)])

    return Source(trace, names, values, site)


def head_output(trace: Trace, layer: int, head: int, value_bias: bool = True) -> Tensor:
    """What one head adds to the residual stream, `[image, token, d]`: `z_h W_O^h`.

    Found by running the block's projection with this head's `z` alone and with none, so that gates
    and layer scales are in it and the projection's bias is not. The heads of a block and that bias
    together are `attn_out`. Source: Elhage et al. (2021), "A mathematical framework for
    transformer circuits", section on attention heads as independent and additive.

    Args:
        trace: The trace.
        layer: The block.
        head: The head.
        value_bias: True: all of it. Whatever the head looks at, `(b_V + W_V b) W_O^h` is in it,
            with `b` the bias of the norm before: attention weights sum to 1. False leaves that out,
            as TransformerLens and Prisma do, which fold `b_V` into the block's bias
            (`fold_value_biases`), and `W_V b` with it (`fold_ln`). The sum over heads and the
            block's bias is the same either way.

    Raises:
        UsageError: A layer or head out of range, or attention in which the heads are mixed before
            they are added (a norm over all of them), so that no head has a part of its own.
    """
    check_index("head", head, trace.vit.n_heads)
    z = trace["z", layer]
    alone = _alone(z, head)
    none, one, others = (
        site_if(trace, "attn_out", layer, [Replace("z", layer, value)])
        for value in (torch.zeros_like(z), alone, z - alone)
    )
    whole = trace["attn_out", layer]
    if (one + others - none - whole).abs().max() > _ADDITIVE * whole.abs().max():
        raise UsageError(
            f"The heads of block {layer} of {trace.vit.name} are mixed before they are added to "
            "the residual stream, so that one head has no output of its own."
        )
    if value_bias:
        return one - none
    # the values of a state of zeros are what no token has any part in
    bias = site_if(trace, "v", layer, [Zero("resid_pre", layer)])
    varying = alone - _alone(bias.to(z), head)
    return site_if(trace, "attn_out", layer, [Replace("z", layer, varying)]) - none


def _alone(z: Tensor, head: int) -> Tensor:
    """One head's part of `[image, token, head, d_head]`; the others are 0."""
    alone = torch.zeros_like(z)
    alone[:, :, head] = z[:, :, head]
    return alone
