"""`circuit`: the few edges that keep an answer, found by scores and by exact runs."""

from __future__ import annotations

from typing import Any, Literal

from vitlens_widgets.analysis.circuits.circuit_result import Circuit
from vitlens_widgets.analysis.circuits.edge_effects import EdgeEffects
from vitlens_widgets.analysis.circuits.edges import (
    METHODS,
    Method,
    edge_attribution_patching,
)
from vitlens_widgets.analysis.circuits.finding import POINTS, Finding
from vitlens_widgets.analysis.circuits.pairs import Runs, pairs
from vitlens_widgets.analysis.circuits.runs import Ablation
from vitlens_widgets.analysis.experiment import experiment
from vitlens_widgets.errors import UsageError, check_choice, check_count, check_seed, said
from vitlens_widgets.progress import progress


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
    finding = Finding(given, scores, keep, ablation)
    for _ in progress(finding.by_rank(), "circuits by size", POINTS):
        pass
    try:
        for _ in finding.smaller(method):
            pass
    except KeyboardInterrupt:
        n_random = 0
    finding.measure(n_random, seed)
    return finding.circuit()


def _share(keep: Any) -> float:
    if not isinstance(keep, (int, float)) or isinstance(keep, bool) or not 0 < keep < 1:
        shown = said(keep) if not isinstance(keep, (int, float)) else keep
        raise UsageError(f"keep is a share of the gap, above 0 and below 1, not {shown}.")
    return float(keep)
