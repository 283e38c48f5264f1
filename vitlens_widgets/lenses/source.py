"""What a lens is laid on: the states of a trace, or what one kind of sub-block adds to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from vitlens_widgets.errors import UsageError, check_choice, check_flag
from vitlens_widgets.lenses.head_outputs import HeadOutputs
from vitlens_widgets.trace import Trace
from vitlens_widgets.trace.sites import check_index

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
        value_bias: Of a head: see `HeadOutputs.of`.

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
    return _of_blocks(trace, said, names, lambda k: HeadOutputs(trace, k).of(head, value_bias))


def _of_blocks(
    trace: Trace, site: str, names: list[str], output: Callable[[int], Tensor]
) -> Source:
    """What each block adds, found once: a block may have to run for it."""
    found = cache(output)

    def values(blocks: slice) -> Tensor:
        return torch.stack([found(k) for k in range(blocks.start, blocks.stop)])

    return Source(trace, names, values, site)
