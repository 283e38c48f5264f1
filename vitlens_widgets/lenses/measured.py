"""What is said of all logits of a reading: measured in as few passes as will do, and kept."""

from __future__ import annotations

from functools import cached_property, partial
from typing import cast

import torch
from torch import Tensor

from vitlens_widgets.lenses import statistics
from vitlens_widgets.lenses.decoded import Decoded, Known, Measure
from vitlens_widgets.models.probabilities import Kind

_TOP_AT_ONCE = 5  # as a PatchGrid shows
_ANSWERS_AT_ONCE = 8


class Measured:
    """Statistics of logits, `[state, image, token]`, or `[state, image]` of the readout.

    Args:
        decoded: The logits.
        kind: Of probabilities.
        readout: The same of the model's own readout, where this is of tokens: its answers are the
            classes that are asked for first.
    """

    def __init__(self, decoded: Decoded, kind: Kind, readout: Measured | None) -> None:
        self._decoded = decoded
        self._kind: Kind = kind
        self._readout = readout
        self._columns: dict[int, tuple[Tensor, Tensor]] = {}
        self._before: Measured | None = None
        self._parts: Known = {}
        self._parts_of_columns: dict[int, Known] = {}

    def adopt(self, before: Measured, n_same: int) -> None:
        """Takes what is said of the first states from a run that shares them.

        Args:
            before: The same there.
            n_same: How many states are the same; the final one is not.
        """
        self._decoded.adopt(before._decoded, n_same)
        if self._decoded.n_same:
            self._before = before

    @cached_property
    def summary(self) -> dict[str, Tensor]:
        """All that needs no target, in one pass.

        Where a pass is long, the columns of the model's own answers, which are asked for first,
        come with it.
        """
        if self._before is not None:
            return self._beside(self._before, self._measure)
        found = self._decoded.measured(self._measure, known=self._parts)
        self._parts = {}
        for index in self._answers:
            self._columns[index] = found.pop(f"logit {index}"), found.pop(f"rank {index}")
        return found

    def _measure(self, logits: Tensor, final: statistics.Final | None) -> dict[str, Tensor]:
        k = min(_TOP_AT_ONCE, self._decoded.n_classes)
        found = statistics.summary(logits, cast("statistics.Final", final), k, self._kind)
        for index in self._answers:
            column = statistics.column(logits, index)
            found |= {f"{name} {index}": value for name, value in column.items()}
        return found

    def summary_at(self, state: int, image: int) -> dict[str, Tensor]:
        """The same of one state of one image, `[token, ...]`: no other is looked at for it."""
        if "summary" in vars(self) or self._before is not None:
            return {name: value[state, image] for name, value in self.summary.items()}
        return self._decoded.measured_at(self._measure, state, image, self._parts)

    def column_at(self, index: int, state: int, image: int) -> dict[str, Tensor]:
        """Logit and rank of one class in one state of one image, `[token]`."""
        if index in self._columns or (self._before is not None and index in self._answers):
            return {
                name: value[state, image]
                for name, value in zip(("logit", "rank"), self.column(index), strict=True)
            }
        if index in self._answers:
            found = self.summary_at(state, image)
            return {name: found[f"{name} {index}"] for name in ("logit", "rank")}
        known = self._parts_of_columns.setdefault(index, {})
        return self._decoded.measured_at(
            partial(_column, index), state, image, known, beside_final=False
        )

    def _beside(self, before: Measured, measure: Measure) -> dict[str, Tensor]:
        """The summary, where the first states are another run's, whose final state is not this."""
        n_same = self._decoded.n_same

        def divergence(logits: Tensor, final: statistics.Final | None) -> dict[str, Tensor]:
            found = statistics.kl_to(cast("statistics.Final", final), logits, self._kind)
            return {"kl_to_final": found}

        own = self._decoded.measured(measure, same=False)
        first = {name: value[:n_same] for name, value in before.summary.items()}
        first |= self._decoded.measured(divergence, same=True)
        return {name: torch.cat([first[name], value]) for name, value in own.items()}

    def top(self, k: int) -> dict[str, Tensor]:
        """The k most probable classes or more, and their probabilities, best first."""
        if k <= _TOP_AT_ONCE:
            return self.summary
        return self._decoded.measured(
            lambda logits, _: statistics.top(logits, k, self._kind), beside_final=False
        )

    def column(self, index: int) -> tuple[Tensor, Tensor]:
        """(logit, rank) of one class; one pass gives both."""
        if index in self._answers:
            self.summary  # noqa: B018  # which looks at the model's answers on its way
        if index not in self._columns:
            known = self._parts_of_columns.get(index)
            found = self._decoded.measured(partial(_column, index), beside_final=False, known=known)
            self._columns[index] = found["logit"], found["rank"]
            self._parts_of_columns.pop(index, None)
        return self._columns[index]

    @cached_property
    def _answers(self) -> list[int]:
        """The model's own answers, the first few, where their columns come with the summary."""
        if self._readout is None or self._decoded.is_kept:
            return []
        best = self._readout.summary["index"][-1, :, 0]
        return cast("list[int]", best.unique().tolist())[:_ANSWERS_AT_ONCE]


def _column(index: int, logits: Tensor, _final: statistics.Final | None) -> dict[str, Tensor]:
    return statistics.column(logits, index)
