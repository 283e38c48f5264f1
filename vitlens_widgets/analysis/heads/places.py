"""Where each position of a traced sequence stands: prefix tokens, and patches on their grid."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from vitlens_widgets.models import TokenLayout
from vitlens_widgets.trace import Trace


@dataclass(frozen=True)
class Places:
    """The positions of a sequence, from which patches may have been dropped.

    Args:
        layout: The layout of the whole sequence.
        tokens: The tokens that are left, int64 `[position]`, as indices of the layout.

    Example:
        >>> places = Places.of(trace)
        >>> places.patches, places.prefix["CLS"]
    """

    layout: TokenLayout
    tokens: Tensor

    @classmethod
    def of(cls, trace: Trace) -> Places:
        """The places of a trace's sequence."""
        return cls(trace.layout, trace.tokens.cpu())

    @property
    def n(self) -> int:
        """How many positions there are."""
        return len(self.tokens)

    @cached_property
    def patches(self) -> Tensor:
        """The positions of patches, int64 `[patch]`; every other tensor here is in their order."""
        return torch.nonzero(self.tokens >= self.layout.n_prefix).flatten()

    @cached_property
    def row(self) -> Tensor:
        """The row of each patch, int64 `[patch]`."""
        return (self.tokens[self.patches] - self.layout.n_prefix) // self.layout.cols

    @cached_property
    def col(self) -> Tensor:
        """The column of each patch, int64 `[patch]`."""
        return (self.tokens[self.patches] - self.layout.n_prefix) % self.layout.cols

    @cached_property
    def prefix(self) -> dict[str, list[int]]:
        """The positions of prefix tokens by kind: `"CLS"`, `"distillation"`, `"registers"`."""
        kinds: dict[str, list[int]] = {}
        for position, name in enumerate(self.layout.prefix):
            kind = "registers" if name.startswith("register") else name
            kinds.setdefault(kind, []).append(position)
        return kinds

    @cached_property
    def offsets(self) -> tuple[Tensor, Tensor]:
        """(rows down, columns right) from each query patch to each key patch, `[query, key]`."""
        return self.row[None] - self.row[:, None], self.col[None] - self.col[:, None]

    def describe(self, position: int) -> str:
        """`"CLS"`, or `"row 4, col 3"`, of what stands at a position of the sequence."""
        return self.layout.describe(int(self.tokens[position]))

    def between_patches(self, weights: Tensor) -> Tensor:
        """Weights `[query patch, key patch]` among all positions, `[query, key]`, 0 elsewhere."""
        whole = torch.zeros(self.n, self.n)
        whole[self.patches[:, None], self.patches] = weights.to(whole)
        return whole
