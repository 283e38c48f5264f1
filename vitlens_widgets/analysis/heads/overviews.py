"""A layer's maps scaled down, and the numbers that their colours need, of rows as they are seen."""

from __future__ import annotations

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
        self._largest = [Largest(n) for _ in range(n_heads)]

    def see(self, rows: Rows) -> None:
        """Some queries of some heads."""
        last = rows.first + rows.pattern.shape[1]
        blocks = self._block_of[rows.first : last]
        for block in range(blocks[0], blocks[-1] + 1):
            own = np.flatnonzero(blocks == block)
            of_block = rows.pattern[:, own[0] : own[-1] + 1].sum(1)
            self._sums[rows.heads, block] += of_block.cpu().numpy()
        for largest, head in zip(self._largest[rows.heads], rows.pattern, strict=True):
            largest.see(head)

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
        return np.array([largest.ends() for largest in self._largest], np.float32)


class Largest:
    """The largest weights of a head, as many as half the queries, of rows as they are seen.

    Args:
        n: Tokens, queries and keys alike.
    """

    def __init__(self, n: int) -> None:
        size = n * n
        self._kept = size - min(size - 1, int((1 - 0.5 / n) * size))
        self._found: list[Tensor] = []
        self._count = 0
        self._least: Tensor | None = None  # what is less is not among them

    def see(self, rows: Tensor) -> None:
        """Some rows, `[query, key]`."""
        if self._least is None:
            self._add(rows.flatten())
            self._prune()
            return
        # Columns in which nothing is as large are passed over: most of them.
        columns = rows[:, rows.amax(0) > self._least]
        self._add(columns[columns > self._least])
        if self._count > 3 * self._kept:
            self._prune()

    def _add(self, values: Tensor) -> None:
        self._found.append(values)
        self._count += len(values)

    def _prune(self) -> None:
        """Lets go of what is not among the largest."""
        every = torch.cat(self._found)
        largest = every.topk(min(self._kept, len(every)), sorted=False).values
        self._found, self._count = [largest], len(largest)
        is_full = self._count == self._kept
        self._least = largest.min() if is_full else largest.new_tensor(-1.0)

    def ends(self) -> tuple[float, float]:
        """The largest, and the least of those that are kept."""
        self._prune()
        return float(self._found[0].max()), float(self._found[0].min())
