"""The tokens of a trace after the model's final norm, kept where they are small."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.trace import Trace
from vitlens_widgets.trace.selection import position

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
        """`of`, each token divided by its length."""
        if k in self._kept:
            return self._kept[k]
        units = torch.nn.functional.normalize(self.of(k), dim=-1)
        if units.nbytes * self._trace.n_states <= KEEP_BYTES:
            self._kept[k] = units
        return units

    def position(self, token: Any) -> int:
        """Where a token stands in the sequence that was traced.

        Args:
            token: Its index, the (row, column) of a patch, or the name of a prefix token.

        Raises:
            UsageError: There is no such token, or it was dropped.
        """
        return position(token, self._trace.layout, self._trace.tokens)
