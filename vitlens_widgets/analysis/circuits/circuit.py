"""`circuit`: the few edges that keep an answer, found by scores and by exact runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from vitlens_widgets.analysis.circuits.circuit_result import Circuit, SizeCurve
from vitlens_widgets.analysis.circuits.edges import (
    METHODS,
    EdgeEffects,
    Method,
    edge_attribution_patching,
)
from vitlens_widgets.analysis.circuits.pairs import Runs, pairs
from vitlens_widgets.analysis.circuits.runs import Ablation
from vitlens_widgets.analysis.circuits.search import CircuitSearch, Tried
from vitlens_widgets.analysis.experiment import experiment
from vitlens_widgets.errors import UsageError, check_choice, check_count, check_seed, counted, said
from vitlens_widgets.progress import progress

_POINTS = 24  # of the curve over sizes
_MOST_NEEDED = 300  # edges of a circuit of which each is removed by itself at the end


@experiment("pair")
def circuit(
    clean: Runs,
    corrupted: Runs,
    metric: Any,
    *,
    keep: float = 0.8,
    method: Literal["greedy", "threshold"] = "greedy",
    scores: Method | EdgeEffects = "eap-ig",
    ablation: Ablation = "corrupted",
    n_random: int = 10,
    seed: int = 0,
) -> Circuit:
    """The smallest circuit found that keeps a share of the gap between two runs.

    Edges are ranked by the size of their scores. Every number beside them is of exact runs, in
    which edges of the circuit carry what their senders write in that run, and all others ablated
    values. Edges of heads and MLPs without a way in or out are removed and not counted. An
    interrupt (Ctrl-C) after the first curve ends the search and gives what was found until then;
    one after the search gives the circuit without what was still to be measured beside it.

    Args:
        clean: The run whose answer is to be kept, or several such traces: a data set of pairs.
        corrupted: The run that stands outside of the circuit, with as many images.
        metric: As for `edge_attribution_patching`; with scores given, it needs no gradient.
        keep: The share of the gap, above 0 and below 1. A circuit keeps it that lacks no more than
            1 - `keep`, and goes beyond the gap by no more than that.
        method: `"threshold"`: the first edges of the ranking, as few as keep the share.
            `"greedy"`: from those, edges are taken out as long as the share is kept, those whose
            removal changes it least first, each removal run exactly; no edge of the circuit can
            then go by itself.
        scores: A method of `edge_attribution_patching`, or its result for these runs.
        ablation: What other edges carry: the `"corrupted"` run's values, their `"mean"` over all
            corrupted images, two at least, token by token, or `"zero"`.
        n_random: How many random circuits of the same size are run beside it: of paths from the
            embedding to the logits, since nearly all of single random edges would be dead ends.
        seed: Of these.

    Raises:
        UsageError: Runs that do not match or answer alike, or a metric or word that does not fit.
        UnsupportedModelError: Blocks whose heads do not add up to what attention adds.

    Source:
        Wang et al. (2023), arXiv 2211.00593, section 4, for faithfulness, completeness and
        minimality, the last two of which they ask over subsets K of the circuit C: here they are
        known for K = C (`without`) and for single edges with K empty (`needed`) alone. Conmy et al.
        (2023), arXiv 2304.14997, for removing edges one by one.

    Example:
        >>> found = vl.analysis.circuit(clean, corrupted, ("cat", "dog"))
        >>> found.share, found.size, found.table()
    """
    check_choice("method", method, ("greedy", "threshold"))
    check_choice("ablation", ablation, ("corrupted", "mean", "zero"))
    check_count("n_random", n_random, least=0)
    check_seed(seed)
    keep = _share(keep)
    given = pairs(clean, corrupted, metric)
    if not isinstance(scores, EdgeEffects):
        check_choice("scores", scores, METHODS)
        scores = edge_attribution_patching(clean, corrupted, metric, method=scores)
    search = CircuitSearch(given, ablation)
    ranked = _ranked(scores, search)
    steps = progress(search.curve(ranked, _POINTS), "circuits by size", _POINTS)
    curves, found = [SizeCurve.of("by scores", steps)], search.tried([search.graph.allowed])[0]
    finished = minimal = False
    try:
        found = search.smallest(ranked, curves[0].known, keep)[1]
        if method == "greedy":
            path = SizeCurve("least needed removed", [])
            curves.append(path)
            for tried, smallest in search.greedy(found, ranked, keep):
                path.tried.append(tried)
                if tried.keeps(keep) and tried.size < found.size:
                    found = tried
                minimal |= smallest
        finished = True
    except KeyboardInterrupt:
        n_random = 0
    beside = _Beside(np.full(found.edges.shape, np.nan))
    finished &= beside.measure(search, found, n_random, seed)
    outside = "" if ablation == "corrupted" else f", {ablation} values outside"
    return Circuit(
        title=f"{given[0].clean.vit.name}, {counted(len(search.of_clean), 'pair')}, circuit for "
        f"{keep:.0%} of {given[0].metric.name}{outside}",
        graph=search.graph,
        edges=found.edges,
        share=found.share,
        without=beside.without,
        keep=keep,
        curves=curves,
        random=np.array(beside.random),
        needed=beside.needed,
        scores=scores,
        of_clean=search.of_clean,
        of_ablated=search.of_ablated,
        answers=search.logits(found.edges),
        labels=given[0].clean.vit.labels,
        finished=finished,
        minimal=minimal,
    )


def _share(keep: Any) -> float:
    if not isinstance(keep, (int, float)) or isinstance(keep, bool) or not 0 < keep < 1:
        shown = said(keep) if not isinstance(keep, (int, float)) else keep
        raise UsageError(f"keep is a share of the gap, above 0 and below 1, not {shown}.")
    return float(keep)


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


@dataclass
class _Beside:
    """What is measured beside a circuit that was found; NaN, or none, of what is not known."""

    needed: np.ndarray
    without: float = float("nan")
    random: list[float] = field(default_factory=list[float])

    def measure(self, search: CircuitSearch, found: Tried, n_random: int, seed: int) -> bool:
        """Measure it, and say whether that came to its end; an interrupt keeps what is known."""
        try:
            self.without = search.tried([search.graph.allowed & ~found.edges])[0].share
            self.random = [one.share for one in search.random(found.size, n_random, seed)]
            edges = np.argwhere(found.edges)
            if 0 < len(edges) <= _MOST_NEEDED:
                lost = search.losses(found, [edge[None] for edge in edges])
                self.needed[edges[:, 0], edges[:, 1]] = lost
        except KeyboardInterrupt:
            return False
        return True
