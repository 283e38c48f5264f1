"""Attention some queries at a time, so that many tokens take little memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, cast

import torch
from torch import Tensor

from vitlens_widgets.models.score_parts import ScoreParts

CHUNK_BYTES = 2 * 2**20
"""Rows of all heads are made about so many bytes at a time: what a processor's cache holds."""


class Rows(NamedTuple):
    """Some queries of every head, each with all keys."""

    first: int
    """The first of the queries."""
    pattern: Tensor
    """Weights, `[head, query, key]`."""
    scores: Tensor | None
    """What the softmax was given, less the largest of each row and no less than `LEAST`; None
    where the pattern is none of them (it was edited)."""


LEAST = -200.0
"""Scores so far below the largest of their row, minus infinity too, have a weight of exactly 0."""


class AttentionRows:
    """One image's attention in one block, made anew whenever rows are asked for.

    Args:
        parts: What the scores are made of, in float32 or finer; None where the pattern was kept.
        image: Which image of the parts.
        pattern: The pattern that was kept, `[head, query, key]`.
    """

    def __init__(
        self, parts: ScoreParts | None, image: int = 0, pattern: Tensor | None = None
    ) -> None:
        self._kept = cast("Tensor", pattern)  # where there are no parts
        self._parts = None if parts is None else one_image(parts, image)

    def whole(self, kind: str) -> Tensor:
        """All of it, `[head, query, key]`: `"pattern"` or `"scores"`, as it was asked for."""
        if self._parts is None:
            return self._kept.detach()
        scores = self._parts.scores()[0]
        return scores if kind == "scores" else scores.softmax(-1)

    def head(self, head: int, kind: str) -> Tensor:
        """One head whole, `[query, key]`."""
        if self._parts is None:
            return self._kept[head].detach()
        scores = self._parts.scores(heads=slice(head, head + 1))[0, 0]
        return scores if kind == "scores" else scores.softmax(-1)

    def of(self, queries: slice) -> Rows:
        """Some queries of every head."""
        if self._parts is None:
            return Rows(queries.start, self._kept[:, queries].detach(), None)
        scores = self._parts.scores(queries=queries)[0]
        scores.sub_(scores.amax(-1, keepdim=True)).clamp_min_(LEAST)
        return Rows(queries.start, scores.softmax(-1), scores)


def one_image(parts: ScoreParts, image: int) -> ScoreParts:
    """The parts of one image."""
    one = slice(image, image + 1)
    biases = tuple(bias[one] if bias.ndim == 4 and len(bias) > 1 else bias for bias in parts.biases)
    return parts._replace(q=parts.q[one], k=parts.k[one], biases=biases)


def slices(n: int, bytes_of_one: int) -> Iterator[slice]:
    """All of n rows, about `CHUNK_BYTES` at a time."""
    step = max(1, CHUNK_BYTES // max(1, bytes_of_one))
    yield from (slice(first, min(n, first + step)) for first in range(0, n, step))


def largest_errors(parts: ScoreParts, v: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
    """How far `pattern @ v` is from z in each head, and the largest z: `[head]` each.

    Args:
        parts: What the scores are made of.
        v: Values, `[image, head, token, d_head]`.
        z: What was made of them, of the same shape.
    """
    off = torch.zeros(v.shape[1], dtype=z.dtype, device=z.device)
    for queries in slices(z.shape[2], z.shape[0] * z.shape[1] * v.shape[2] * 4):
        expected = parts.scores(queries=queries).softmax(-1) @ v
        off = torch.maximum(off, (expected - z[:, :, queries]).abs().amax((0, 2, 3)))
    return off, z.abs().amax((0, 2, 3))
