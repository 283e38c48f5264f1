"""Some rows of some heads at a time: attention of many tokens, made in a processor's cache."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from vitlens_widgets.models.score_parts import ScoreParts

CHUNK_BYTES = 2 * 2**20
"""Rows are made about so many bytes at a time: what a processor's cache holds."""

LEAST = -200.0
"""Scores so far below the largest of their row, minus infinity too, have a weight of exactly 0."""


class Chunk(NamedTuple):
    """Some queries of some heads, each with all keys; written over by the next one."""

    heads: slice
    queries: slice
    pattern: Tensor
    """Weights, `[image, head, query, key]`."""
    scores: Tensor
    """What the softmax was given, less the largest of each row and no less than `LEAST`."""


def slices(n: int, bytes_of_one: int) -> Iterator[slice]:
    """All of n rows, about `CHUNK_BYTES` at a time."""
    step = max(1, CHUNK_BYTES // max(1, bytes_of_one))
    yield from (slice(first, min(n, first + step)) for first in range(0, n, step))


def blocks(n_heads: int, n: int, bytes_of_one: int) -> Iterator[tuple[slice, slice]]:
    """All of n rows of every head, about `CHUNK_BYTES` at a time: (heads, rows).

    Rows of one head come first: a product of many rows takes less time than as many of a few.
    """
    for rows in slices(n, bytes_of_one):
        for heads in slices(n_heads, (rows.stop - rows.start) * bytes_of_one):
            yield heads, rows


def chunks(parts: ScoreParts) -> Iterator[Chunk]:
    """All of an attention, in one piece of memory: new memory each time takes as long as softmax.

    Args:
        parts: What the scores are made of, in float32 or finer.
    """
    n_images, n_heads, n, _ = parts.q.shape
    n_keys = parts.k.shape[2]
    row = n_images * n_keys
    most = min(n_heads * n, max(1, CHUNK_BYTES // (row * 4)))
    memory = parts.q.new_empty((2, most * row))
    for heads, queries in blocks(n_heads, n, row * 4):
        shape = (n_images, heads.stop - heads.start, queries.stop - queries.start, n_keys)
        scores, pattern = memory[:, : shape[1] * shape[2] * row].view(2, *shape)
        parts.scores(heads, queries, out=scores)
        softmax_(scores, pattern)
        yield Chunk(heads, queries, pattern, scores)


def softmax_(scores: Tensor, out: Tensor | None = None) -> Tensor:
    """Weights of scores, which are brought to what `Chunk.scores` says."""
    scores.sub_(scores.amax(-1, keepdim=True)).clamp_min_(LEAST)
    return torch.softmax(scores, -1, out=out)


class WeighedErrors:
    """How far `pattern @ v` is from z, of chunks as they are seen.

    Args:
        v: Values, `[image, head, token, d_head]`.
        z: What was made of them, of the same shape.
    """

    def __init__(self, v: Tensor, z: Tensor) -> None:
        self._v, self._z = v, z
        self.off = torch.zeros(v.shape[1], dtype=z.dtype, device=z.device)
        """The largest error in each head, `[head]`."""

    def see(self, chunk: Chunk) -> None:
        """Some rows."""
        heads = chunk.heads
        expected = chunk.pattern @ self._v[:, heads]
        errors = (expected - self._z[:, heads, chunk.queries]).abs().amax((0, 2, 3))
        self.off[heads] = torch.maximum(self.off[heads], errors)

    @property
    def largest(self) -> Tensor:
        """The largest z of each head, `[head]`."""
        return self._z.abs().amax((0, 2, 3))
