"""Whether what was captured is what ran: the last state must lead to the model's own answer."""

from __future__ import annotations

from typing import NoReturn

import torch
from torch import Tensor

from vitlens_widgets.errors import UnsupportedModelError
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.trace.base import BaseTrace
from vitlens_widgets.trace.rounding import tolerance_of


@clean
def check_answer(trace: BaseTrace, answer: Tensor) -> None:
    """Refuse a model in which the captured states do not lead to the model's own answer.

    Args:
        trace: The trace.
        answer: What the model's own code gave: its logits, or what it pools without a classifier.

    Raises:
        UnsupportedModelError: Its blocks see other tokens, its answer is another, is not finite,
            or depends on the other images of the batch.
    """
    vit, states = trace.vit, trace.states
    if states.shape[2] != len(trace.tokens):
        raise UnsupportedModelError(
            f"{vit.name} cannot be read exactly: its blocks see {states.shape[2]} tokens where "
            f"{trace.layout} makes {len(trace.tokens)}."
        )
    if not isinstance(answer, Tensor):
        raise UnsupportedModelError(
            f"{vit.name} cannot be read exactly: its forward must give one tensor of logits, but "
            f"it gives a {type(answer).__name__}."
        )
    check_finite(trace, answer)
    with torch.no_grad():
        found = _answer_of(trace, states[-1])
        off = _largest(found - answer) if found.shape == answer.shape else torch.inf
        if off > _allowed(answer):
            _refuse(trace, answer, off)
        beside_another = torch.stack([states[-1][0], states[0][0]])
        if _largest(_answer_of(trace, beside_another)[0] - answer[0]) > _allowed(answer):
            raise UnsupportedModelError(
                f"{vit.name} cannot be read exactly: its classifier must answer for each image "
                "alone, but its answer changes with the other images of a batch."
            )


def check_finite(trace: BaseTrace, answer: Tensor | None) -> None:
    """Refuse states and an answer that are not numbers.

    Raises:
        UnsupportedModelError: One is NaN or infinite somewhere.
    """
    if all(_is_finite(values) for values in (trace.states, answer) if values is not None):
        return
    first = next((k for k, state in enumerate(trace.states) if not _is_finite(state)), None)
    where = "its classifier" if first is None else f"state {trace.vit.state_names[first]}"
    by = " or the edits" if trace.edits else ""
    raise UnsupportedModelError(
        f"{trace.vit.name} gives NaN or infinite values, from {where} on; its weights{by} must "
        "lead to finite ones."
    )


def _is_finite(values: Tensor) -> bool:
    """Whether all are; in one pass, since a NaN is both the least and the largest."""
    least, largest = values.detach().aminmax()
    return bool(least.isfinite() and largest.isfinite())


def _answer_of(trace: BaseTrace, state: Tensor) -> Tensor:
    adapter = trace.vit.adapter
    read = adapter.readout_features if trace.logits is None else adapter.readout_logits
    return read(state)


def _refuse(trace: BaseTrace, answer: Tensor, off: float) -> NoReturn:
    what, with_what = (
        ("pooled features", "pooling") if trace.logits is None else ("logits", "classifier")
    )
    raise UnsupportedModelError(
        f"{trace.vit.name} cannot be read exactly: its {what} must be its {with_what} on the state "
        f"after the last block, but they differ by {off:.3g} ({what} up to "
        f"{_largest(answer):.3g}); its forward does something beyond its blocks, final norm "
        f"and {with_what}."
    )


def _allowed(answer: Tensor) -> float:
    return tolerance_of(answer.dtype) * _largest(answer)


def _largest(values: Tensor) -> float:
    return values.detach().abs().max().item()
