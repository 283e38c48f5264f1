"""The tokens of a trace after the model's final norm, kept where they are small."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from vitlens_widgets.errors import UsageError, said
from vitlens_widgets.models import BaseViT
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.trace import Trace
from vitlens_widgets.trace.selection import position
from vitlens_widgets.trace.steady import in_a_row

KEEP_BYTES = 256 * 2**20
"""Unit vectors of all states up to this size are kept; larger ones are made again when asked."""


class NormedTokens:
    """Each token of each state through the model's final norm, float32 on the CPU.

    Args:
        trace: The trace.
    """

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._kept: dict[int, Tensor] = {}

    @clean
    def of(self, k: int) -> Tensor:
        """All tokens of a state, `[image, position, d]`.

        Raises:
            UsageError: The model's weights have changed since the trace.
        """
        self._trace.check_weights("read")
        with torch.no_grad():
            return self._trace.vit.adapter.normed(self._trace.states[k]).float().cpu()

    def units(self, k: int) -> Tensor:
        """`of`, each token divided by its length; to be read, not written to.

        Of kept ones the weights are not looked at, which takes longer than all else: who makes
        something of them that answers with the model as it is asks `trace.check_weights` first.
        """
        if k in self._kept:
            return self._kept[k]
        units = torch.nn.functional.normalize(self.of(k), dim=-1)
        if units.nbytes * self._trace.n_states <= KEEP_BYTES:
            self._kept[k] = units
        return units

    def checked_units(self, states: Sequence[int]) -> list[Tensor]:
        """`units` of some states, of a model that is as it was.

        Raises:
            UsageError: The model's weights have changed since the trace.
        """
        if any(k not in self._kept for k in states):
            return in_a_row(self._trace, "read", lambda: [self.units(k) for k in states])
        self._trace.check_weights("read")
        return [self._kept[k] for k in states]

    def position(self, token: Any) -> int:
        """Where a token stands in the sequence that was traced.

        Args:
            token: Its index, the (row, column) of a patch, or the name of a prefix token.

        Raises:
            UsageError: There is no such token, or it was dropped.
        """
        return position(token, self._trace.layout, self._trace.tokens)


def checked_vector(vector: Any, vit: BaseViT) -> Tensor:
    """A vector to compare with, float32 `[d]`, on the CPU.

    Raises:
        UsageError: It is none, of another width than the model's, or with what is no number.
    """
    try:
        given = torch.as_tensor(vector, dtype=torch.float32).detach().cpu()
    except (TypeError, ValueError, RuntimeError):
        raise UsageError(
            f"A vector to compare with is an array of {vit.width} numbers, not {said(vector)}."
        ) from None
    if given.shape != (vit.width,):
        raise UsageError(
            f"A vector to compare with has {vit.width} numbers, as the states of {vit.name}; the "
            f"one given has the shape {list(given.shape)}."
        )
    if not given.isfinite().all():
        raise UsageError("A vector to compare with has a number that is not finite.")
    return given
