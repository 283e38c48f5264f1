"""Attention some rows at a time, so that many tokens take little memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, cast

from torch import Tensor

from vitlens_widgets.models.score_parts import ScoreParts
from vitlens_widgets.trace.attention import Claim
from vitlens_widgets.trace.chunks import blocks, chunks, softmax_


class Rows(NamedTuple):
    """Some queries of some heads, each with all keys."""

    first: int
    """The first of the queries."""
    pattern: Tensor
    """Weights, `[head, query, key]`."""
    scores: Tensor | None
    """As `Chunk.scores`; None where the pattern is not their softmax (it was edited)."""
    heads: slice = slice(None)
    """Which heads; all by default."""


class AttentionRows:
    """One image's attention in one block, made anew whenever rows are asked for.

    Args:
        parts: What the scores are made of, in float32 or finer; None where the pattern was kept.
        image: Which image of the parts.
        pattern: The pattern that was kept, `[head, query, key]`.
        claim: What has yet to be seen of the parts, of that image alone: it is, by the first rows
            that are asked for.

    Raises:
        UnsupportedModelError: The claim does not hold; whatever is asked for.
    """

    def __init__(
        self,
        parts: ScoreParts | None,
        image: int = 0,
        pattern: Tensor | None = None,
        claim: Claim | None = None,
    ) -> None:
        self._kept = cast("Tensor", pattern)  # where there are no parts
        self._parts = None if parts is None else one_image(parts, image)
        self._claim = claim

    def whole(self, kind: str) -> Tensor:
        """All of it, `[head, query, key]`: `"pattern"` or `"scores"`, as it was asked for."""
        if self._parts is None:
            return self._kept.detach()
        self._settle()
        scores = self._parts.scores()[0]
        return scores if kind == "scores" else scores.softmax(-1)

    def head(self, head: int, kind: str) -> Tensor:
        """One head whole, `[query, key]`."""
        if self._parts is None:
            return self._kept[head].detach()
        self._settle()
        scores = self._parts.scores(heads=slice(head, head + 1))[0, 0]
        return scores if kind == "scores" else scores.softmax(-1)

    def of(self, queries: slice) -> Rows:
        """Some queries of every head."""
        if self._parts is None:
            return Rows(queries.start, self._kept[:, queries].detach(), None)
        self._settle()
        scores = self._parts.scores(queries=queries)[0]
        return Rows(queries.start, softmax_(scores), scores)

    def each(self) -> Iterator[Rows]:
        """All of it, some queries of some heads at a time, written over by the next ones.

        A claim is settled by the same scores, at the end: nothing that rests on them may be given
        away before.
        """
        if self._parts is None:
            yield from rows_of(self._kept.detach())
            return
        claim = self._claim
        errors = None if claim is None else claim.errors(self._parts.q)
        for chunk in chunks(self._parts):
            if errors is not None:
                errors.see(chunk)
            yield Rows(chunk.queries.start, chunk.pattern[0], chunk.scores[0], chunk.heads)
        if claim is not None and errors is not None:
            claim.settle(errors)
            self._claim = None

    def _settle(self) -> None:
        if self._claim is not None:
            for _ in self.each():
                pass


def rows_of(pattern: Tensor) -> Iterator[Rows]:
    """All rows of a pattern that is there, `[head, query, key]`, some at a time."""
    n_heads, n, n_keys = pattern.shape
    for heads, queries in blocks(n_heads, n, n_keys * 4):
        yield Rows(queries.start, pattern[heads, queries], None, heads)


def one_image(parts: ScoreParts, image: int) -> ScoreParts:
    """The parts of one image."""
    one = slice(image, image + 1)
    biases = tuple(bias[one] if bias.ndim == 4 and len(bias) > 1 else bias for bias in parts.biases)
    return parts._replace(q=parts.q[one], k=parts.k[one], biases=biases)
