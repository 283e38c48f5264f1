"""The search for a small circuit that keeps an answer: by scores, and edge by edge."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from vitlens_widgets.analysis.circuits.graph import Graph
from vitlens_widgets.analysis.circuits.pairs import Pair
from vitlens_widgets.analysis.circuits.runs import Ablation, CircuitRuns
from vitlens_widgets.analysis.circuits.writing import Written, mean_written
from vitlens_widgets.analysis.patching.gap import Gap, gap_of
from vitlens_widgets.errors import UsageError
from vitlens_widgets.trace import Trace

_AT_ONCE = 12  # sizes that are tried together, between one that is too small and one that is not
_STEP = 0.2  # of a circuit's edges, removed together
_GROUPS = 48


class Tried(NamedTuple):
    """A circuit that was run."""

    edges: np.ndarray
    """Bool `[reader, sender]`, without dead ends."""
    share: float
    """How much of the gap it keeps."""

    @property
    def size(self) -> int:
        """How many edges it has."""
        return int(self.edges.sum())

    def keeps(self, share: float) -> bool:
        """Whether it keeps at least this share, and overshoots the gap by no more than it may lack.

        A circuit without what speaks against the answer can go far beyond the whole model, which
        is not to do what the model does.
        """
        return abs(1 - self.share) <= 1 - share


class CircuitSearch:
    """Circuits of pairs, run exactly, and how much of the gap they keep.

    The share is the mean metric of the circuit over all pairs, less that with every edge ablated,
    over that with none ablated, less the same: of means, since the gap of a single pair may be
    near 0.

    Args:
        pairs: The pairs.
        ablation: What stands outside of a circuit.
        mean_over: The runs that a mean is taken over; None for the corrupted ones.

    Raises:
        UsageError: A gap that is too small to divide by, or a mean over a single image.
        UnsupportedModelError: Blocks whose heads do not add up to what attention adds.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        ablation: Ablation = "corrupted",
        mean_over: Sequence[Trace] | None = None,
    ) -> None:
        self._pairs = pairs
        others = mean_over or [pair.corrupted for pair in pairs]
        mean = _mean(others) if ablation == "mean" else None
        self._runs = [
            CircuitRuns(pair.clean, pair.corrupted, ablation, mean=mean) for pair in pairs
        ]
        self.graph: Graph = self._runs[0].graph
        ends = np.stack([np.zeros_like(self.graph.allowed), self.graph.allowed])
        self.of_ablated, self.of_clean = self.metric(ends)
        metric = pairs[0].metric
        self.measured: Gap = gap_of(self.of_clean, self.of_ablated, metric.least_gap, metric.name)
        if not self.measured.mean_is_enough:
            raise UsageError(
                f"{metric.name} is {self.of_clean.mean():.3g} with all edges and "
                f"{self.of_ablated.mean():.3g} without any: that is no gap to keep a share of; "
                "take runs that answer differently, or another metric."
            )

    @property
    def gap(self) -> float:
        """What all edges together make of the metric, the mean over pairs."""
        return float(self.of_clean.mean() - self.of_ablated.mean())

    def metric(self, circuits: np.ndarray, base: np.ndarray | None = None) -> np.ndarray:
        """The metric of circuits `[circuit, reader, sender]`: float64 `[circuit, pair]`.

        Args:
            circuits: The circuits.
            base: One that they come from by small changes, which saves what is alike in all.
        """
        found = [
            pair.of(runs.logits(circuits, base=base))
            for pair, runs in zip(self._pairs, self._runs, strict=True)
        ]
        return np.concatenate(found, 1)

    def logits(self, circuit: np.ndarray) -> np.ndarray:
        """The answers of one circuit, float32 `[pair, class]`."""
        found = [runs.logits(circuit[None])[0].float().cpu().numpy() for runs in self._runs]
        return np.concatenate(found)

    def shares(self, circuits: Sequence[np.ndarray], base: np.ndarray | None = None) -> np.ndarray:
        """The share of the gap that each keeps, float64 `[circuit]`; `base` as in `metric`."""
        means = self.metric(np.stack(circuits), base).mean(1)
        return (means - self.of_ablated.mean()) / self.gap

    def tried(self, circuits: Sequence[np.ndarray]) -> list[Tried]:
        """Circuits without their dead ends, run."""
        if not circuits:
            return []
        pruned = [self.graph.pruned(edges) for edges in circuits]
        shares = self.shares(pruned).tolist()
        return [Tried(edges, share) for edges, share in zip(pruned, shares, strict=True)]

    def first(self, ranked: np.ndarray, sizes: Sequence[int]) -> list[Tried]:
        """The circuits of the first edges of a ranking, for each of some sizes.

        Args:
            ranked: Edges `(reader, sender)`, int64 `[edge, 2]`, the most important first.
            sizes: How many of them; dead ends are then removed.
        """
        return self.tried([self.graph.mask(ranked[:size]) for size in sizes])

    def curve(
        self, ranked: np.ndarray, n_points: int, n_known: int = 0
    ) -> Iterator[tuple[int, Tried]]:
        """Sizes evenly spaced by their logarithm, the smallest first, with their circuits.

        Args:
            ranked: As in `first`.
            n_points: How many, at most.
            n_known: How many of them are known already, and left out.
        """
        sizes = np.unique(np.geomspace(1, len(ranked), n_points).round().astype(int)).tolist()
        for size in sizes[n_known:]:
            yield size, self.first(ranked, [size])[0]

    def smallest(
        self, ranked: np.ndarray, known: Sequence[tuple[int, Tried]], keep: float
    ) -> tuple[int, Tried]:
        """The fewest first edges of a ranking that keep a share: a size, and its circuit.

        Sought between the smallest size that is known to keep it and the one below; where the
        share goes up and down with the size, a smaller one may be missed.

        Args:
            ranked: As in `first`.
            known: Sizes and what was tried, the smallest first; the last one keeps the share.
            keep: The share.
        """
        at = next(i for i, (_, tried) in enumerate(known) if tried.keeps(keep))
        high, found = known[at]
        low = known[at - 1][0] if at else 0
        while high - low > 1:
            inside = np.linspace(low, high, min(_AT_ONCE + 2, high - low + 1))[1:-1]
            sizes = np.unique(inside.round().astype(int)).tolist()
            for size, tried in zip(sizes, self.first(ranked, sizes), strict=True):
                if tried.keeps(keep):
                    high, found = size, tried
                    break
                low = size
        return high, found

    def losses(self, tried: Tried, groups: Sequence[np.ndarray]) -> np.ndarray:
        """What a circuit's share loses without each group of its edges, exactly.

        Dead ends that are left go with them: a head without a way in would go on writing what it
        makes of means or zeros.

        Args:
            tried: The circuit.
            groups: Edges `(reader, sender)`, `[edge, 2]` each.
        """
        left = (tried.edges & ~self.graph.mask(group) for group in groups)
        without = [self.graph.pruned(edges) for edges in left]
        return tried.share - self.shares(without, tried.edges)

    def greedy(self, start: Tried, ranked: np.ndarray, keep: float) -> Iterator[tuple[Tried, bool]]:
        """Take the least needed edges out of a circuit, again and again, to the last one.

        In each round edges are removed exactly, in at most 48 groups of the ranking's neighbours,
        or each by itself where there are no more; those without which the share changes least go,
        a fifth of all at most, as many as the share allows that is to be kept. Where none can go,
        groups are halved; where not even a single edge can, the circuit is the smallest of this
        way, and the rest of the way is the curve below it.

        Args:
            start: Where to begin.
            ranked: All edges, the most important first, to begin with groups of those that matter
                alike.
            keep: The share to keep.

        Yields:
            Each circuit on the way, and whether it keeps the share and none of those without one
            more edge do.
        """
        now, n_groups = start, _GROUPS
        while now.size:
            edges = ranked[now.edges[ranked[:, 0], ranked[:, 1]]]
            groups = np.array_split(edges, min(n_groups, len(edges)))
            after = self._after(now, groups)
            kept = next((one for one in after if one.keeps(keep)), None)
            keeps = now.keeps(keep)
            if keeps and kept is None and len(groups) < len(edges):
                n_groups *= 2
                continue
            yield now, keeps and kept is None
            now = kept if keeps and kept is not None else after[0]

    def _after(self, now: Tried, groups: Sequence[np.ndarray]) -> list[Tried]:
        """A circuit without some of its groups: a fifth of them, half as many, ..., one alone.

        Last comes the one whose removal brings the share nearest to the whole gap.
        """
        lost = self.losses(now, groups)
        order = np.argsort(abs(lost), kind="stable")
        many = max(1, int(_STEP * len(groups)))
        chosen = [order[:n] for n in dict.fromkeys(max(1, many >> i) for i in range(12))]
        chosen.append(np.array([np.argmin(abs(1 - now.share + lost))]))
        removed: list[np.ndarray] = [
            np.concatenate([groups[int(i)] for i in those]) for those in chosen
        ]
        return self.tried([now.edges & ~self.graph.mask(those) for those in removed])

    def random(self, size: int, n: int, seed: int) -> list[Tried]:
        """Circuits of random paths from the embedding to the logits, of exactly as many edges.

        Each path is drawn from the logits back: a reader has one of its senders, all alike, and a
        head that sends is read by its queries, keys or values. So no edge is a dead end, as most
        would be of edges drawn one by one.

        Args:
            size: How many edges each has, of those that the model has.
            n: How many circuits.
            seed: Of the drawing.
        """
        generator = np.random.default_rng(seed)
        return self.tried([self._paths(size, generator) for _ in range(n)])

    def _paths(self, size: int, generator: np.random.Generator) -> np.ndarray:
        """Paths that fit, one after the other; all anew where none leads to this size.

        Beside the one edge from the embedding to the logits, say, no path has a single edge more.
        """
        while True:
            found = np.zeros_like(self.graph.allowed)
            for _ in range(20 * size + 100):
                with_it = found | self._path(generator)
                if with_it.sum() <= size:
                    found = with_it
                if found.sum() == size:
                    return found

    def _path(self, generator: np.random.Generator) -> np.ndarray:
        path = np.zeros_like(self.graph.allowed)
        reader = self.graph.logits
        while True:
            sender = int(generator.choice(np.flatnonzero(self.graph.allowed[reader])))
            path[reader, sender] = True
            if sender == 0:
                return path
            reader = int(generator.choice(np.flatnonzero(self.graph.of_reader == sender)))


def _mean(runs: Sequence[Trace]) -> Written:
    """What is written in the mean over the images of some runs.

    Raises:
        UsageError: There is one image, whose mean would be its own values.
    """
    if sum(run.n_images for run in runs) == 1:
        raise UsageError(
            'ablation="mean" is the mean over corrupted images, and of the single one here that '
            'is its own values; give several pairs, or take ablation="corrupted".'
        )
    return mean_written(runs)
