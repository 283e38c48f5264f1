"""Whether a block that somebody has patched or hooked does the same when it is run again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from vitlens_widgets.errors import UnsupportedModelError
from vitlens_widgets.models import BaseViT
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.trace.context import Context
from vitlens_widgets.trace.edits import AnyPlacedEdit
from vitlens_widgets.trace.instrument import Plan, instrumented
from vitlens_widgets.trace.modules import hooks_on, is_untouched, parts_of
from vitlens_widgets.trace.rounding import tolerance_of
from vitlens_widgets.trace.stream import Stream, Words

Hooks = tuple[int, ...]


@dataclass(frozen=True)
class Repeats:
    """Which blocks of a run have been seen to do the same again, with which hooks on them.

    Args:
        hooks: Those on each block in the run; None where its images had not the same.
    """

    hooks: Sequence[Hooks | None]
    _seen: set[tuple[int, Hooks]] = field(default_factory=set[tuple[int, Hooks]])

    @classmethod
    def of(cls, vit: BaseViT) -> Repeats:
        """Those of a run of all blocks that is just over."""
        return cls([hooks_on(parts_of(block)) for block in vit.adapter.blocks])

    def after(self, earlier: Repeats, start: int) -> Repeats:
        """Of a run whose blocks before `start` are those of an earlier one."""
        return Repeats([*earlier.hooks[:start], *self.hooks[start:]])

    def beside(self, other: Repeats) -> Repeats:
        """Of the images of two runs together."""
        both = zip(self.hooks, other.hooks, strict=True)
        return Repeats([one if one == its else None for one, its in both])

    def check(
        self,
        context: Context,
        edits: Sequence[AnyPlacedEdit],
        states: Tensor,
        words: Mapping[int, Words],
        layers: Sequence[int],
    ) -> None:
        """See `check_repeats`; once for each block and what is hooked on it."""
        for layer in layers:
            block = context.vit.adapter.blocks[layer]
            hooks = hooks_on(parts_of(block))
            if (layer, hooks) in self._seen:
                continue
            if hooks != self.hooks[layer] or not is_untouched(block):
                check_repeats(context, edits, states, words, layer)
            self._seen.add((layer, hooks))


@clean
def check_repeats(
    context: Context,
    edits: Sequence[AnyPlacedEdit],
    states: Tensor,
    words: Mapping[int, Words],
    layer: int,
) -> None:
    """Refuse a block that does not lead from its state to the next one a second time.

    Blocks that run the code of their classes, without hooks of the user's, do, unless they had some
    in the run.

    Args:
        context: The run that is over.
        edits: Its edits, in their places.
        states: Its states, `[state, image, token, d]`.
        words: What its blocks were handed.
        layer: The block.

    Raises:
        UnsupportedModelError: It leads elsewhere, as random numbers or a hook that counts would.
    """
    vit = context.vit
    last = layer + 1 == vit.n_layers
    sites = {layer: ["resid_post"]} if last else {layer: [], layer + 1: ["resid_pre"]}
    found: list[Tensor] = []
    stream = Stream(vit, list(sites), states[layer], words)
    arrived = range(len(edits))  # at the first of these blocks

    def see(site: str, at: int, value: Tensor) -> None:
        if (site, at) == ("resid_post", layer) or (site, at) == ("resid_pre", layer + 1):
            found.append(value.clone())

    plan = Plan(context, edits, sites, see, stream, set(), arrived=arrived)
    with torch.no_grad(), instrumented(plan):
        state = states[layer]
        for ran in sites:
            state = vit.adapter.run_block(ran, state)
    off = (found[0] - states[layer + 1]).abs().max().item()
    largest = states[layer + 1].abs().max().item()
    if not off <= tolerance_of(states.dtype) * largest:
        raise UnsupportedModelError(
            f"{vit.name} cannot be read exactly: block {layer} must do the same whenever it is "
            f"run, but run again it is off by {off:.3g} (values up to {largest:.3g}); its "
            "states can be read."
        )
