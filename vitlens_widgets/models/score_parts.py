"""`ScoreParts`: what a block makes its attention scores of."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class ScoreParts(NamedTuple):
    """Attention scores in their parts: `scale * q @ k^T + sum of biases`."""

    q: Tensor
    """Queries as they are multiplied (rotated, where the model rotates them)."""
    k: Tensor
    """Keys as they are multiplied."""
    scale: float
    """The factor of the products."""
    biases: tuple[Tensor, ...] = ()
    """What is added, each broadcast to `[image, head, query, key]`: biases by position."""

    def scores(
        self,
        heads: slice = slice(None),
        queries: slice = slice(None),
        out: Tensor | None = None,
    ) -> Tensor:
        """The scores `[image, head, query, key]` of some heads and queries; of all by default.

        Args:
            heads: Which heads.
            queries: Which queries.
            out: Memory to write them to.
        """
        keys = self.k[:, heads].transpose(-1, -2)
        found = torch.matmul(self.q[:, heads, queries] * self.scale, keys, out=out)
        shape = (*self.q.shape[:3], self.k.shape[2])
        for bias in self.biases:
            found += bias.expand(shape)[:, heads, queries]
        return found
