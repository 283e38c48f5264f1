"""What was found of a circuit: its edges, what they keep, and what is kept by fewer or others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from bokeh.models import LegendItem, LogTicker

import vitlens_widgets.charts as charts
from vitlens_widgets.analysis.circuits.edge_effects import EdgeEffects
from vitlens_widgets.analysis.circuits.faithfulness import Faithfulness, faithfulness
from vitlens_widgets.analysis.circuits.graph import Graph
from vitlens_widgets.analysis.circuits.pairs import Runs
from vitlens_widgets.analysis.circuits.runs import Ablation
from vitlens_widgets.analysis.circuits.search import Tried
from vitlens_widgets.analysis.result import Result
from vitlens_widgets.charts.theme import legend_of
from vitlens_widgets.data import LabelSet
from vitlens_widgets.data.frames import frame
from vitlens_widgets.errors import check_choice

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812
    from pandas import DataFrame


@dataclass(frozen=True)
class SizeCurve:
    """Circuits of several sizes.

    Attributes:
        name: How they were chosen.
        tried: Each of them, with the share that it keeps.
        asked: How many edges of a ranking each began with, before its dead ends were removed.
    """

    name: str
    tried: list[Tried] = field(repr=False)
    asked: list[int] = field(default_factory=list[int], repr=False)

    @classmethod
    def of(cls, name: str, steps: Iterable[tuple[int, Tried]]) -> SizeCurve:
        """Of sizes and what was tried."""
        known = list(steps)
        return cls(name, [tried for _, tried in known], [size for size, _ in known])

    def now(self) -> SizeCurve:
        """The same, to which nothing is added any more."""
        return SizeCurve(self.name, list(self.tried), list(self.asked))

    @property
    def known(self) -> list[tuple[int, Tried]]:
        """Sizes of the ranking, and what was tried."""
        return list(zip(self.asked, self.tried, strict=True))

    @property
    def sizes(self) -> np.ndarray:
        """How many edges each has, int64 `[circuit]`."""
        return np.array([one.size for one in self.tried], int)

    @property
    def shares(self) -> np.ndarray:
        """The share that each keeps, float64 `[circuit]`."""
        return np.array([one.share for one in self.tried])


@dataclass(frozen=True, eq=False)
class Circuit(Result):
    """The edges that keep an answer.

    Attributes:
        title: The model, how many pairs, the metric, and what stands outside.
        graph: All senders, readers and edges.
        edges: The circuit, bool `[reader, sender]`.
        share: Faithfulness: the share of the gap that it keeps. Mean metrics of all pairs: its own
            less that with every edge ablated, over that with none ablated less the same.
        without: The share kept without the circuit, with all other edges; near 0 where it is all
            that matters. Of completeness as Wang et al. define it, over all subsets K of the
            circuit, that is the case of K = the whole circuit alone. NaN where the work was
            stopped before.
        keep: The share that was to be kept.
        curves: Circuits of other sizes: by scores, and those on the greedy way.
        random: The share that random circuits of the same size keep, float64 `[circuit]`.
        needed: The share lost without each edge, float64 `[reader, sender]`; NaN where no edge of
            the circuit is, and everywhere in circuits of more than 300 edges. Of minimality as Wang
            et al. define it, for some subset K of the circuit that is removed as well, that is the
            case of K empty alone.
        scores: What edges were ranked by.
        of_clean: The metric with all edges, float64 `[pair]`.
        of_ablated: The metric without any, float64 `[pair]`.
        ablation: What stands outside of it: `"corrupted"`, `"mean"` or `"zero"`.
        answers: The circuit's own logits, float32 `[pair, class]`.
        labels: The names of the classes.
        finished: Whether the search, and what is measured beside it, came to an end.
        minimal: Whether no single edge can go without the share being lost, as the greedy search
            has found.
    """

    title: str
    graph: Graph
    edges: np.ndarray = field(repr=False)
    share: float
    without: float
    keep: float
    curves: list[SizeCurve] = field(repr=False)
    random: np.ndarray = field(repr=False)
    needed: np.ndarray = field(repr=False)
    scores: EdgeEffects = field(repr=False)
    of_clean: np.ndarray = field(repr=False)
    of_ablated: np.ndarray = field(repr=False)
    ablation: Ablation
    answers: np.ndarray = field(repr=False)
    labels: LabelSet = field(repr=False)
    finished: bool = True
    minimal: bool = False

    @property
    def size(self) -> int:
        """How many edges it has."""
        return int(self.edges.sum())

    @property
    def nodes(self) -> list[str]:
        """The senders in it, by name, in the order in which they write."""
        return [self.graph.senders[i] for i in np.flatnonzero(self.edges.any(0))]

    def on(
        self, clean: Runs, corrupted: Runs, metric: Any, *, n_random: int = 10, seed: int = 0
    ) -> Faithfulness:
        """What its edges keep of other pairs than those that it was searched on.

        Args:
            clean: As in `vl.analysis.faithfulness`, of the same model or of one like it.
            corrupted: Likewise.
            metric: Likewise; it may be another one.
            n_random: How many random circuits of its size are run beside it.
            seed: Of these.

        Raises:
            UsageError: As `vl.analysis.faithfulness`.
            UnsupportedModelError: Likewise.
        """
        return faithfulness(
            clean,
            corrupted,
            metric,
            self.edges,
            ablation=self.ablation,
            n_random=n_random,
            seed=seed,
        )

    def table(self, what: Literal["edges", "sizes"] = "edges") -> DataFrame:
        """A row per edge, the most needed first; or a row per circuit of the curves.

        Args:
            what: `"edges"` or `"sizes"`.

        Raises:
            UsageError: Something else.
        """
        if check_choice("what", what, ("edges", "sizes")) == "sizes":
            rows = [
                (curve.name, one.size, one.share) for curve in self.curves for one in curve.tried
            ]
            names, sizes, shares = (list(column) for column in zip(*rows, strict=True))
            return frame({"circuits": names, "edges": sizes, "share": shares}, self.title)
        reader, sender = np.argwhere(self.edges).T
        needed, score = self.needed[reader, sender], self.scores.mean[reader, sender]
        order = np.lexsort((-abs(score), -np.nan_to_num(abs(needed))))
        columns: dict[str, list[Any]] = {
            "sender": [self.graph.senders[i] for i in sender[order]],
            "reader": [self.graph.readers[i] for i in reader[order]],
            "share lost without": needed[order].tolist(),
            "score": score[order].tolist(),
        }
        return frame(columns, self.title)

    def figure(self) -> Figure:
        """The share of the gap over sizes: by scores, on the greedy way, and of random circuits."""
        plot = charts.empty_figure(
            self.titled("share of the gap by size"), "share of the gap", x_axis_type="log"
        )
        plot.xaxis.axis_label = f"edges, of {self.graph.n_edges}"
        plot.xaxis.ticker = LogTicker(mantissas=[1, 2, 5])
        named: dict[str, Any] = {}
        for i, curve in enumerate(self.curves):
            one = curve.sizes > 0
            colour, dash = charts.COLOURS[i], "dashed" if curve.asked else "solid"
            x, y = curve.sizes[one].tolist(), curve.shares[one].tolist()
            named[curve.name] = plot.line(x, y, color=colour, line_dash=dash, line_width=2)
            plot.scatter(x, y, color=colour, size=5)
        dots = [self.size] * len(self.random)
        if dots:
            crosses = plot.scatter(dots, self.random, marker="x", size=8, color="grey")
            named["random paths"] = crosses
        ring: dict[str, Any] = {
            "size": 14,
            "fill_color": None,
            "line_width": 2,
            "line_color": charts.COLOURS[2],
        }
        named["this circuit"] = plot.scatter([self.size], [self.share], **ring)
        charts.with_chance(plot, self.keep, "to be kept")
        items = [LegendItem(label=name, renderers=[drawn]) for name, drawn in named.items()]
        plot.add_layout(legend_of(items), "right")
        return plot

    def summary(self) -> str:
        """Size, share, what is left without it, random circuits, and the answers that it gives."""
        lines = [
            self.title,
            f"{self.size} of {self.graph.n_edges} edges keep {self.share:.3f} of the gap"
            + (" (none of them can go)" if self.minimal else "")
            + ("" if self.finished else "; the search was stopped"),
        ]
        if not np.isnan(self.without):
            lines.append(f"without them: {self.without:.3f}")
        if len(self.random):
            lines.append(
                f"{len(self.random)} circuits of random paths of that size: "
                f"{self.random.min():.3f} to {self.random.max():.3f}"
            )
        classes, counts = np.unique(self.answers.argmax(1), return_counts=True)
        order = np.argsort(-counts, kind="stable")[:5]
        said = ", ".join(f"{self.labels[int(classes[i])]} {counts[i]}" for i in order)
        return "\n".join([*lines, f"its answers, of {len(self.answers)}: {said}"])
