"""A layer's maps scaled down, and the numbers that their colours need, of rows as they are seen."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.trace.rows import Rows


class LayerOverview:
    """Every head's pattern as a small picture, `[side, side]`, of rows that are seen in order.

    Block i of a picture covers tokens `round(i * n / side)` up to `round((i + 1) * n / side)`, and
    its value is the mean of its weights.

    Args:
        n_heads: Heads.
        n: Tokens.
        side: Of the pictures, at most n.
    """

    def __init__(self, n_heads: int, n: int, side: int) -> None:
        self.n, self.side = n, side
        edges = np.floor(np.arange(side + 1) * n / side + 0.5).astype(int)
        self._block_of = np.repeat(np.arange(side), np.diff(edges))
        self._sizes, self._starts = np.diff(edges), edges[:-1]
        self._sums = np.zeros((n_heads, side, n), np.float32)
        self._largest = Largest(n_heads, n)

    def see(self, rows: Rows) -> None:
        """Some queries of every head."""
        last = rows.first + rows.pattern.shape[1]
        blocks = self._block_of[rows.first : last]
        for block in range(blocks[0], blocks[-1] + 1):
            own = np.flatnonzero(blocks == block)
            self._sums[:, block] += rows.pattern[:, own[0] : own[-1] + 1].sum(1).cpu().numpy()
        self._largest.see(rows.pattern)

    @property
    def maps(self) -> np.ndarray:
        """The pictures, float32 `[head, side, side]`."""
        sums = np.add.reduceat(self._sums, self._starts, axis=-1)
        return sums / np.outer(self._sizes, self._sizes).astype(np.float32)

    @property
    def ranges(self) -> np.ndarray:
        """The largest weight of each whole map, and what half a key per query exceeds: `[head, 2]`.

        In a map of 50 tokens the second is the 99th percentile.
        """
        return self._largest.ends()


class Largest:
    """The largest weights of each head, as many as half the queries, of rows as they are seen.

    Args:
        n_heads: Heads.
        n: Tokens, queries and keys alike.
    """

    def __init__(self, n_heads: int, n: int) -> None:
        size = n * n
        self._kept = size - min(size - 1, int((1 - 0.5 / n) * size))
        self._found: list[list[Tensor]] = [[] for _ in range(n_heads)]
        self._least: Tensor | None = None  # of each head: what is less is not among them

    def see(self, pattern: Tensor) -> None:
        """Some rows, `[head, query, key]`."""
        if self._least is None:
            for found, head in zip(self._found, pattern.flatten(1), strict=True):
                found.append(head.topk(min(self._kept, len(head)), sorted=False).values)
            self._prune()
            return
        # Columns in which nothing is as large are passed over: most of them.
        heads, keys = (pattern.amax(1) > self._least[:, None]).nonzero(as_tuple=True)
        for_head = pattern.transpose(1, 2)[heads, keys]
        is_large = for_head > self._least[heads, None]
        values, counts = for_head[is_large], is_large.sum(1)
        of_heads = torch.zeros(len(self._found), dtype=torch.int64).index_add_(
            0, heads.cpu(), counts.cpu()
        )
        large = torch.split(values, cast("list[int]", of_heads.tolist()))
        for found, some in zip(self._found, large, strict=True):
            found.append(some)
        if max(sum(map(len, found)) for found in self._found) > 3 * self._kept:
            self._prune()

    def _prune(self) -> None:
        """Lets go of what is not among the largest."""
        least: list[Tensor] = []
        for i, found in enumerate(self._found):
            every = torch.cat(found)
            largest = every.topk(min(self._kept, len(every)), sorted=False).values
            self._found[i] = [largest]
            is_full = len(largest) == self._kept
            least.append(largest.min() if is_full else largest.new_tensor(-1.0))
        self._least = torch.stack(least)

    def ends(self) -> np.ndarray:
        """The largest, and the least of those that are kept, float32 `[head, 2]`."""
        self._prune()
        ends = [[float(one[0].max()), float(one[0].min())] for one in self._found]
        return np.array(ends, np.float32)
