"""`faithfulness`: how much of the gap between runs some edges keep, on any pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np

import vitlens_widgets.charts as charts
from vitlens_widgets.analysis.circuits.graph import Graph
from vitlens_widgets.analysis.circuits.pairs import Runs, pairs
from vitlens_widgets.analysis.circuits.runs import Ablation
from vitlens_widgets.analysis.circuits.search import CircuitSearch
from vitlens_widgets.analysis.experiment import experiment
from vitlens_widgets.analysis.over_images import OverImages
from vitlens_widgets.analysis.patching.gap import Gap
from vitlens_widgets.analysis.result import Result, mean_and_half
from vitlens_widgets.data import LabelSet
from vitlens_widgets.data.frames import frame
from vitlens_widgets.errors import UsageError, check_choice, check_count, check_seed, counted

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812
    from pandas import DataFrame

Edges = Sequence[tuple[str, str]] | np.ndarray
"""Edges as `(sender, reader)` by name, or bool `[reader, sender]`."""


@dataclass(frozen=True, eq=False)
class Faithfulness(Result):
    """What given edges keep of the gap between clean and ablated runs, pair by pair.

    Attributes:
        title: The model, how many edges of which, how many pairs, the metric, what stands outside.
        graph: All senders, readers and edges.
        edges: Those that were run, bool `[reader, sender]`, without dead ends.
        gap: The metric with all edges (`gap.clean`) and with none (`gap.corrupted`), `[pair]` each.
        kept: The metric with these edges alone, float64 `[pair]`.
        without: The metric with all others instead, float64 `[pair]`.
        random: The share that random circuits of the same size keep, float64 `[circuit]`.
        answers: The logits with these edges alone, float32 `[pair, class]`.
        own_answers: The class that the whole model answers, int64 `[pair]`.
        labels: The names of the classes.
    """

    title: str
    graph: Graph
    edges: np.ndarray = field(repr=False)
    gap: Gap = field(repr=False)
    kept: np.ndarray = field(repr=False)
    without: np.ndarray = field(repr=False)
    random: np.ndarray = field(repr=False)
    answers: np.ndarray = field(repr=False)
    own_answers: np.ndarray = field(repr=False)
    labels: LabelSet = field(repr=False)

    @property
    def size(self) -> int:
        """How many edges it has."""
        return int(self.edges.sum())

    @property
    def share(self) -> OverImages:
        """The share of the gap that the edges keep, with its interval over pairs.

        A ratio of means over all pairs: see `Gap.over_pairs`.
        """
        return self.gap.over_pairs(self.kept)

    @property
    def share_without(self) -> OverImages:
        """The share that all other edges keep: near 0 where these are all that matters."""
        return self.gap.over_pairs(self.without)

    @property
    def same_answer(self) -> np.ndarray:
        """Whether the edges alone give the class that the whole model gives, bool `[pair]`."""
        return np.asarray(self.answers.argmax(1) == self.own_answers)

    def table(self) -> DataFrame:
        """A row per pair: the metric, the pair's own share of its gap, and the answers."""
        columns: dict[str, list[Any]] = {
            "pair": list(range(len(self.kept))),
            "all edges": self.gap.clean.tolist(),
            "these edges": self.kept.tolist(),
            "the others": self.without.tolist(),
            "no edges": self.gap.corrupted.tolist(),
            "share": self.gap.effect(self.kept).tolist(),
            "share of the others": self.gap.effect(self.without).tolist(),
            "answer": [self.labels[int(one)] for one in self.answers.argmax(1)],
            "the model's": [self.labels[int(one)] for one in self.own_answers],
        }
        return frame(columns, self.title)

    def figure(self) -> Figure:
        """The metric of each pair with all edges, these, all others, and none."""
        names = [str(pair) for pair in range(len(self.kept))]
        plot = charts.figure_over_states(
            self.titled("what edges keep, pair by pair"), names, self.gap.metric
        )
        dots = {
            "all edges": self.gap.clean,
            "these edges": self.kept,
            "the others": self.without,
            "no edges": self.gap.corrupted,
        }
        plot.xaxis.axis_label = "pair"
        return charts.with_points(plot, "pair", self.gap.metric, dots)

    def summary(self) -> str:
        """The gap, the shares with their intervals, random circuits, and how many answers stay."""
        several, n = len(self.kept) > 1, len(self.kept)
        kept, without = (
            mean_and_half(one) if several else f"{one.mean:.3f}"
            for one in (self.share, self.share_without)
        )
        lines = [self.title, self.gap.sentence(), f"share kept: {kept}; by the others: {without}"]
        if len(self.random):
            low, high = self.random.min(), self.random.max()
            lines.append(f"{counted(len(self.random), 'random circuit')}: {low:.3f} to {high:.3f}")
        same = int(self.same_answer.sum())
        return "\n".join([*lines, f"the model's own answer: in {same} of {counted(n, 'pair')}"])


@experiment("pair")
def faithfulness(
    clean: Runs,
    corrupted: Runs,
    metric: Any,
    edges: Edges,
    *,
    ablation: Ablation = "corrupted",
    n_random: int = 10,
    seed: int = 0,
) -> Faithfulness:
    """How much of the gap between two runs some edges keep: of a circuit, or your own.

    Every number is of exact runs, in which these edges carry what their senders write in that run,
    and all others ablated values. Edges of heads and MLPs without a way in or out carry nothing of
    this image: they are taken for ablated, too, and not counted.

    Args:
        clean: The run whose answer is to be kept, or several such traces: a data set of pairs.
        corrupted: The run that stands outside of the edges, with as many images.
        metric: A class for its logit, a pair of classes, one of `vl.analysis.metrics`, or a
            function of logits `[n, class]` that gives `[n]`.
        edges: `(sender, reader)` by name, such as `("L3 H1", "L5 H2 v")`; or bool
            `[reader, sender]`, as `Circuit.edges`.
        ablation: What other edges carry: the `"corrupted"` run's values, their `"mean"` over all
            corrupted images, two at least, token by token, or `"zero"`.
        n_random: How many random circuits of as many edges are run beside them: of paths from the
            embedding to the logits.
        seed: Of these.

    Raises:
        UsageError: Runs that do not match or answer alike, a metric or word that does not fit, no
            such edge, or none that is no dead end.
        UnsupportedModelError: Blocks whose heads do not add up to what attention adds.

    Source:
        Wang et al. (2023), arXiv 2211.00593, section 4: faithfulness, and completeness for K = the
        whole circuit alone.

    Example:
        >>> found = vl.analysis.circuit(clean, corrupted, ("cat", "dog"))
        >>> found.on(others, without_cat, ("cat", "dog")).summary()
        >>> mine = [("embedding", "L3 H1 v"), ("L3 H1", "logits")]
        >>> vl.analysis.faithfulness(clean, corrupted, ("cat", "dog"), mine).share
    """
    check_choice("ablation", ablation, ("corrupted", "mean", "zero"))
    check_count("n_random", n_random, least=0)
    check_seed(seed)
    given = pairs(clean, corrupted, metric)
    graph = Graph.of(given[0].clean.vit)
    asked = _mask(graph, edges)
    found = graph.pruned(asked)
    if not found.any():
        raise UsageError(
            f"edges= has {counted(int(asked.sum()), 'edge')}, none of them on a way from the "
            "embedding to the logits; name all edges of one way at least."
        )
    search = CircuitSearch(given, ablation)
    kept, without = search.metric(np.stack([found, graph.pruned(graph.allowed & ~found)]))
    first, n_pairs = given[0], counted(len(kept), "pair")
    outside = "" if ablation == "corrupted" else f", {ablation} values outside"
    own = [cast("Any", pair.clean.logits).argmax(-1).cpu().numpy() for pair in given]
    return Faithfulness(
        title=f"{first.clean.vit.name}, {found.sum()} of {graph.n_edges} edges, {n_pairs}, "
        f"{first.metric.name}{outside}",
        graph=graph,
        edges=found,
        gap=search.measured,
        kept=kept,
        without=without,
        random=np.array([one.share for one in search.random(int(found.sum()), n_random, seed)]),
        answers=search.logits(found),
        own_answers=np.concatenate(own),
        labels=first.clean.vit.labels,
    )


def _mask(graph: Graph, edges: Edges) -> np.ndarray:
    """The edges, bool `[reader, sender]`.

    Raises:
        UsageError: Of another model, no edges, or no pairs of names.
    """
    if not isinstance(edges, np.ndarray):
        return graph.mask(graph.named(edges))
    if edges.dtype != bool or edges.shape != graph.allowed.shape or (edges & ~graph.allowed).any():
        n_readers, n_senders = graph.allowed.shape
        raise UsageError(
            f"edges= takes bool [{n_readers} readers, {n_senders} senders] of edges that this "
            f"model has, not {edges.dtype} {list(edges.shape)}: a circuit is of one architecture."
        )
    return edges
