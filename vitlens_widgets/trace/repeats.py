"""Whether a block that somebody has patched or hooked does the same when it is run again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from vitlens_widgets.errors import UnsupportedModelError
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.trace.context import Context
from vitlens_widgets.trace.edits import AnyPlacedEdit
from vitlens_widgets.trace.instrument import Plan, instrumented
from vitlens_widgets.trace.modules import is_untouched
from vitlens_widgets.trace.rounding import tolerance_of
from vitlens_widgets.trace.stream import Stream, Words


@clean
def check_repeats(
    context: Context,
    edits: Sequence[AnyPlacedEdit],
    states: Tensor,
    words: Mapping[int, Words],
    layer: int,
    same_hooks: bool = True,
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
        same_hooks: Whether it has the hooks that it had in the run.

    Raises:
        UnsupportedModelError: It leads elsewhere, as random numbers or a hook that counts would.
    """
    vit = context.vit
    if same_hooks and is_untouched(vit.adapter.blocks[layer]):
        return
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
