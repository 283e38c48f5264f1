"""A circuit while it is looked for: step by step, with what was found at every moment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np

from vitlens_widgets.analysis.circuits.circuit_result import Circuit, SizeCurve
from vitlens_widgets.analysis.circuits.edge_effects import EdgeEffects
from vitlens_widgets.analysis.circuits.pairs import Pair
from vitlens_widgets.analysis.circuits.runs import Ablation
from vitlens_widgets.analysis.circuits.search import CircuitSearch, Tried
from vitlens_widgets.errors import UsageError, counted
from vitlens_widgets.trace import Trace

POINTS = 24  # of the curve over sizes
_MOST_NEEDED = 300  # edges of a circuit of which each is removed by itself at the end


class Finding:
    """The work of `circuit`, to be gone on with and stopped.

    Args:
        pairs: The pairs.
        scores: What edges are ranked by.
        keep: The share of the gap to be kept.
        ablation: What stands outside.
        mean_over: For `"mean"`, the runs whose images it is taken over; None for the corrupted
            runs of the pairs.

    Attributes:
        found: The smallest circuit so far that keeps the share, else the largest that was tried;
            None before the first step.
        finished: Whether the search, and what was measured beside it, came to an end.
        minimal: Whether no single edge can go.

    Raises:
        UsageError: As `circuit`.
        UnsupportedModelError: As `circuit`.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        scores: EdgeEffects,
        keep: float,
        ablation: Ablation = "corrupted",
        mean_over: Sequence[Trace] | None = None,
    ) -> None:
        self._pairs, self._scores, self._keep = pairs, scores, keep
        self._ablation: Ablation = ablation
        self._search = CircuitSearch(pairs, ablation, mean_over)
        self._ranked = _ranked(scores, self._search)
        self._curves = [SizeCurve("by scores", [])]
        self._fewest: Tried | None = None  # by the ranking
        self.found: Tried | None = None
        self.finished = self.minimal = False
        self._forget()

    def _take(self, tried: Tried) -> None:
        """This is the circuit now."""
        if tried is not self.found:
            self.found = tried
            self._forget()

    def _forget(self) -> None:
        """What was measured beside another circuit: NaN, or none, of what is not known."""
        self._needed = np.full(self._search.graph.allowed.shape, np.nan)
        self._without, self._random = float("nan"), list[float]()
        self._answers = np.zeros((0, len(self._pairs[0].clean.vit.labels)), np.float32)

    def by_rank(self) -> Iterator[None]:
        """The curve of circuits by scores, size by size, from where it was stopped."""
        curve = self._curves[0]
        for size, tried in self._search.curve(self._ranked, POINTS, len(curve.asked)):
            curve.asked.append(size)
            curve.tried.append(tried)
            if self.found is None or not self.found.keeps(self._keep):
                self._take(tried)
            yield

    def smaller(self, method: Literal["greedy", "threshold"]) -> Iterator[None]:
        """After the curve, fewer edges that keep the share; greedily, a round after the other."""
        self.finished = False
        if self._fewest is None:
            known = self._curves[0].known
            self._fewest = self._search.smallest(self._ranked, known, self._keep)[1]
            self._take(self._fewest)
            yield
        if method == "greedy":
            yield from self._greedy(self._fewest)
        else:
            del self._curves[1:]
            self.minimal = False
            self._take(self._fewest)
        self.finished = True

    def _greedy(self, start: Tried) -> Iterator[None]:
        """From where it was stopped, else from the circuit that it starts with."""
        path = SizeCurve("least needed removed", [])
        if len(self._curves) > 1:
            path = self._curves[1]
            start = path.tried[-1]
        for tried, smallest in self._search.greedy(start, self._ranked, self._keep):
            self._curves[1:] = [path]
            if tried is not start or not path.tried:
                path.tried.append(tried)
            if tried.keeps(self._keep) and tried.size < self._tried.size:
                self._take(tried)
            self.minimal |= smallest
            yield

    def measure(self, n_random: int, seed: int = 0, *, needed: bool = True) -> None:
        """What stands beside the circuit; an interrupt keeps what is known.

        Args:
            n_random: How many random circuits of its size are run; with 0, those that were stay.
            seed: Of these.
            needed: Whether each edge is removed by itself.
        """
        search, found = self._search, self._tried
        try:
            self._without = search.tried([search.graph.allowed & ~found.edges])[0].share
            if n_random:
                self._random = [one.share for one in search.random(found.size, n_random, seed)]
            edges = np.argwhere(found.edges)
            if needed and 0 < len(edges) <= _MOST_NEEDED:
                lost = search.losses(found, [edge[None] for edge in edges])
                self._needed[edges[:, 0], edges[:, 1]] = lost
        except KeyboardInterrupt:
            self.finished = False
        self._answers = search.logits(found.edges)

    @property
    def _tried(self) -> Tried:
        if self.found is None:
            raise RuntimeError("No circuit was tried yet.")
        return self.found

    def circuit(self) -> Circuit:
        """What was found until now; without answers before it was measured."""
        search, found, first = self._search, self._tried, self._pairs[0]
        outside = "" if self._ablation == "corrupted" else f", {self._ablation} values outside"
        return Circuit(
            title=f"{first.clean.vit.name}, {counted(len(search.of_clean), 'pair')}, circuit for "
            f"{self._keep:.0%} of {first.metric.name}{outside}",
            graph=search.graph,
            edges=found.edges,
            share=found.share,
            without=self._without,
            keep=self._keep,
            curves=[one.now() for one in self._curves],
            random=np.array(self._random),
            needed=self._needed,
            scores=self._scores,
            of_clean=search.of_clean,
            of_ablated=search.of_ablated,
            ablation=self._ablation,
            answers=self._answers,
            labels=first.clean.vit.labels,
            finished=self.finished,
            minimal=self.minimal,
        )


def _ranked(scores: EdgeEffects, search: CircuitSearch) -> np.ndarray:
    """All edges, the largest scores first.

    Raises:
        UsageError: Scores of another model, or of some edges only.
    """
    ranked = scores.ranked()
    if scores.graph != search.graph or len(ranked) != search.graph.n_edges:
        raise UsageError(
            f"scores= are of {len(ranked)} edges, and this model has {search.graph.n_edges}; give "
            'those of all its edges, or a method such as "eap-ig".'
        )
    return ranked
