"""What is said of all logits of a reading: measured in as few passes as will do, and kept."""

from __future__ import annotations

from functools import cached_property
from typing import cast

import torch
from torch import Tensor

from vitlens_widgets.lenses import statistics
from vitlens_widgets.lenses.decoded import Decoded, Measure
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
        answers = self._answers
        k = min(_TOP_AT_ONCE, self._decoded.n_classes)

        def measure(logits: Tensor, final: statistics.Final | None) -> dict[str, Tensor]:
            found = statistics.summary(logits, cast("statistics.Final", final), k, self._kind)
            for index in answers:
                column = statistics.column(logits, index)
                found |= {f"{name} {index}": value for name, value in column.items()}
            return found

        if self._before is not None:
            return self._beside(self._before, measure)
        found = self._decoded.measured(measure)
        for index in answers:
            self._columns[index] = found.pop(f"logit {index}"), found.pop(f"rank {index}")
        return found

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
            found = self._decoded.measured(
                lambda logits, _: statistics.column(logits, index), beside_final=False
            )
            self._columns[index] = found["logit"], found["rank"]
        return self._columns[index]

    @cached_property
    def _answers(self) -> list[int]:
        """The model's own answers, the first few, where their columns come with the summary."""
        if self._readout is None or self._decoded.is_kept:
            return []
        best = self._readout.summary["index"][-1, :, 0]
        return cast("list[int]", best.unique().tolist())[:_ANSWERS_AT_ONCE]
