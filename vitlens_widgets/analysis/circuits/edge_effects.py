"""`EdgeEffects`: what each edge of a model carries from one run to another."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

import vitlens_widgets.charts as charts
from vitlens_widgets.analysis.circuits.graph import Graph
from vitlens_widgets.analysis.circuits.pairs import gap_said
from vitlens_widgets.analysis.metrics import BoundMetric
from vitlens_widgets.analysis.result import Result
from vitlens_widgets.data.frames import frame
from vitlens_widgets.errors import check_count

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812
    from pandas import DataFrame


@dataclass(frozen=True, eq=False)
class EdgeEffects(Result):
    """What each edge carries of the way from the corrupted run to the clean one.

    Attributes:
        title: The model, how many pairs, how it was measured, and the metric.
        method: `"eap"`, `"eap-ig"`, `"eap-ig-activations"`, or `"exact"`.
        graph: Senders, readers and edges.
        effects: In the metric's unit, float64 `[pair, reader, sender]`; 0 where there is no edge,
            NaN where it was not asked for.
        metric: What was asked of answers.
        of_clean: The metric of the clean runs, float64 `[pair]`.
        of_corrupted: That of the corrupted ones.
    """

    title: str
    method: str
    graph: Graph
    effects: np.ndarray = field(repr=False)
    metric: BoundMetric = field(repr=False)
    of_clean: np.ndarray = field(repr=False)
    of_corrupted: np.ndarray = field(repr=False)

    @property
    def mean(self) -> np.ndarray:
        """The mean over pairs, float64 `[reader, sender]`."""
        return self.effects.mean(0)

    @property
    def shares(self) -> np.ndarray:
        """The mean over pairs as a share of the mean gap, float64 `[reader, sender]`.

        Infinite or NaN where the gap is 0; the summary says when it is too small to divide by.
        """
        gap = self.of_clean.mean() - self.of_corrupted.mean()
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.mean / gap

    @property
    def by_sender(self) -> np.ndarray:
        """All edges of a sender together, the mean over pairs: float64 `[sender]`.

        Of gradient scores, this is the sender's own score.
        """
        return self.mean.sum(0)

    def ranked(self) -> np.ndarray:
        """Edges `(reader, sender)`, int64 `[edge, 2]`, those of the largest size first."""
        edges = self.graph.edges
        mean = self.mean[edges[:, 0], edges[:, 1]]
        known = ~np.isnan(mean)
        return edges[known][np.argsort(-abs(mean[known]), kind="stable")]

    def table(self, n: int | None = None) -> DataFrame:
        """A row per edge, the largest first: its ends, its effect and that as a share of the gap.

        Args:
            n: How many; None for all.
        """
        edges = self.ranked()
        if n is not None:
            edges = edges[: check_count("n", n, least=1)]
        reader, sender = edges.T
        columns: dict[str, list[Any]] = {
            "sender": [self.graph.senders[i] for i in sender],
            "reader": [self.graph.readers[i] for i in reader],
            "effect": self.mean[reader, sender].tolist(),
            "share": self.shares[reader, sender].tolist(),
        }
        return frame(columns, self.title)

    def figure(self) -> Figure:
        """How much goes from block to block: in each cell, its share of all effects' sizes.

        A cell is empty where there is no edge, or none that was asked for.
        """
        known = self.graph.allowed & ~np.isnan(self.mean)
        sizes = np.where(known, abs(self.mean), 0)
        sizes /= max(sizes.sum(), np.finfo(float).tiny)
        writes, reads = _blocks(self.graph)
        plot = charts.empty_figure(
            self.titled("what goes from block to block, as a share of all effects' sizes"),
            "read by",
            x_range=list(dict.fromkeys(writes)),
            y_range=list(dict.fromkeys(reads))[::-1],
        )
        cells = [
            {"from": a, "to": b, "share of all": float(sizes[at].sum())}
            for a in dict.fromkeys(writes)
            for b in dict.fromkeys(reads)
            if known[at := np.ix_(reads == b, writes == a)].any()
        ]
        plot.xaxis.axis_label = "written by"
        return charts.with_cells(plot, "from", "to", "share of all", cells)

    def summary(self) -> str:
        """The gap between the runs, and the five largest edges."""
        said = gap_said(self.of_clean, self.of_corrupted, self.metric)
        lines = [
            f"{row.sender} -> {row.reader}: {row.effect:+.3g}" for row in self.table(5).itertuples()
        ]
        return "\n".join([self.title, said, *lines])


def _blocks(graph: Graph) -> tuple[np.ndarray, np.ndarray]:
    """The block of each sender and of each reader, by name."""
    writes = [name.split()[0] for name in graph.senders]
    reads = [name.split()[0] for name in graph.readers]
    return np.array(writes), np.array(reads)
