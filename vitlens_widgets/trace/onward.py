"""Other tokens than a trace had, through the same blocks, proved as the trace was."""

# pyright: reportPrivateUsage=false
# This would be a method of a trace, but that few who read it need it.

from __future__ import annotations

import torch
from torch import Tensor

from vitlens_widgets.errors import UnsupportedModelError
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.trace.base import BaseTrace
from vitlens_widgets.trace.capture import handling
from vitlens_widgets.trace.modules import uncompiled
from vitlens_widgets.trace.stream import Stream


@clean
@torch.no_grad()
def last_state_of(trace: BaseTrace, state: Tensor) -> Tensor:
    """What the blocks of a trace's model make of another state 0.

    Args:
        trace: The trace; its edits are not made.
        state: `[image, token, d]`, any number of images, each with any of the tokens.

    Returns:
        The state after the last block, of the same shape.

    Raises:
        UsageError: The weights or modules have changed since the trace.
        UnsupportedModelError: A block did not run once, in order, on what the one before it gave,
            does something else each time, or is handed what was made for all tokens.
    """
    vit = trace.vit
    trace.check_weights("run on other tokens")
    trace._check_repeats(*range(vit.n_layers))
    for layer, words in trace._words.items():
        if words.hold_tensors:
            raise UnsupportedModelError(
                f"{vit.name} hands block {layer} a mask, biases or positions of all its tokens "
                "beside their state, so that it cannot run on some of them."
            )
    stream = Stream(vit, range(vit.n_layers), state, trace._words)
    with uncompiled(vit.model), handling({}, {}, stream):
        for layer in range(vit.n_layers):
            state = vit.adapter.run_block(layer, state)
    stream.check_end()
    return state
