"""What a method finds."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from vitlens_widgets.errors import UsageError
from vitlens_widgets.trace import Trace
from vitlens_widgets.trace.modules import check_differentiable


class Parts(NamedTuple):
    """Relevance as a method finds it: the larger, the more a token speaks for the class."""

    tokens: Tensor
    """Over all blocks and heads, `[image, token]`."""
    heads: Tensor | None = None
    """In each head of each block, `[image, layer, head, token]`; None where nothing is said."""


def check_gradients(trace: Trace, method: str) -> None:
    """Refuse a trace whose attention weights can be read but not put on the way of gradients.

    Raises:
        UsageError: Blocks that run branches side by side, or PyTorch's inference mode.
    """
    check_differentiable(trace.vit, trace.states[0], f'The method "{method}"')
    vit = trace.vit
    try:
        vit.adapter.hook_points(0)["z"].check_edits()
    except UsageError as error:
        raise UsageError(
            f"The blocks of {vit.name} run several attentions side by side, whose weights can be "
            f'read but have no gradients here, and the method "{method}" needs them; "rollout" '
            "does without."
        ) from error
