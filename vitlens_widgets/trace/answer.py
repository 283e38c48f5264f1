"""Whether what was captured is what ran: the last state must lead to the model's own answer."""

from __future__ import annotations

import torch
from torch import Tensor

from vitlens_widgets.errors import UnsupportedModelError
from vitlens_widgets.trace.base import BaseTrace

# How far, relative to the largest logit, the captured final state may be from the model's answer
# before the capture is called wrong. Not the promise (the tests hold 1e-5 in float32), but what
# tells a broken assumption from rounding.
_TOLERANCE = {torch.float64: 1e-6, torch.float32: 1e-4}
_TOLERANCE_HALF = 5e-2


def check_answer(trace: BaseTrace) -> None:
    """Refuse a model in which the captured states do not lead to the model's own answer.

    Raises:
        UnsupportedModelError: Its blocks see other tokens, or its logits are others.
    """
    vit, states, logits = trace.vit, trace.states, trace.logits
    if states.shape[2] != len(trace.tokens):
        raise UnsupportedModelError(
            f"{vit.name} cannot be read exactly: its blocks see {states.shape[2]} tokens where "
            f"{trace.layout} makes {len(trace.tokens)}."
        )
    if logits is None:
        return
    with torch.no_grad():
        off = _largest(vit.adapter.readout_logits(states[-1]) - logits)
    if off > _TOLERANCE.get(states.dtype, _TOLERANCE_HALF) * _largest(logits):
        raise UnsupportedModelError(
            f"{vit.name} cannot be read exactly: its logits must be its classifier on the state "
            f"after the last block, but they differ by {off:.3g} (logits up to "
            f"{_largest(logits):.3g}); its forward does something beyond its blocks, final norm "
            "and classifier."
        )


def _largest(values: Tensor) -> float:
    return values.detach().abs().max().item()
