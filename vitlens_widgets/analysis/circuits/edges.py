"""What each edge of a model carries from one run to another: estimated at once, or exchanged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from vitlens_widgets.analysis.checks import steps_of, stopped_early
from vitlens_widgets.analysis.circuits.edge_effects import EdgeEffects
from vitlens_widgets.analysis.circuits.edge_gradients import UNCHANGED, EdgeGradients
from vitlens_widgets.analysis.circuits.graph import Graph
from vitlens_widgets.analysis.circuits.pairs import Pair, Runs, pairs
from vitlens_widgets.analysis.circuits.runs import CircuitRuns
from vitlens_widgets.analysis.experiment import experiment
from vitlens_widgets.analysis.patching.patching import How
from vitlens_widgets.errors import UsageError, check_choice, counted
from vitlens_widgets.progress import progress
from vitlens_widgets.trace.modules import check_differentiable

Method = Literal["eap", "eap-ig", "eap-ig-activations"]
METHODS = {
    "eap": "EAP",
    "eap-ig": "EAP-IG along inputs",
    "eap-ig-activations": "EAP-IG along activations",
}

_EDGES = 128  # that are exchanged together: masks of 128 edges of ViT-L take 60 MB each


@experiment("pair")
def edge_attribution_patching(
    clean: Runs,
    corrupted: Runs,
    metric: Any,
    *,
    method: Method = "eap",
    how: How = "denoising",
    steps: int | None = None,
) -> EdgeEffects:
    """An estimate of every edge's effect, all from a few forward and backward passes.

    The score of the edge from sender u to reader v is

        sum over tokens and channels of (a_clean[u] - a_corrupted[u]) * dm/d(input of v),

    where a[u] is what u adds to the residual stream, and the gradient goes through v alone: a
    first-order estimate of what the metric m gains when v, and nobody else, is given u's clean
    value in the corrupted run. It is positive where the edge carries towards the clean answer. The
    sum over all readers of a sender is the sender's own attribution score.

    Args:
        clean: The run whose values are put in, or several such traces.
        corrupted: The run that they are put into, with as many images.
        metric: What is asked of an answer: a class, (target, against), one of
            `vl.analysis.metrics`, or a function of logits `[n, class]` that gives `[n]`.
        method: `"eap"`: the gradient of one run. `"eap-ig"`: the mean of its gradient over runs
            whose state 0 lies on the straight line from the corrupted to the clean one, `steps` of
            them, each in the middle of its step. `"eap-ig-activations"`: for the edges of each
            place that writes (the embedding, a block's heads together, an MLP), the mean over runs
            in which what that place writes lies on the line and the rest follows from it; this
            takes `steps` half passes for each of the 2 L + 1 places.
        how: Of `"eap"`, `"denoising"`: the gradient is that of the corrupted run, as in
            TransformerLens; or `"noising"`: it is that of the clean run, and a score estimates
            what that loses when the edge is corrupted.
        steps: How many runs along the line; None for 5.

    Raises:
        UsageError: Runs that do not match, a metric that does not fit or has no gradient,
            or `how="noising"` or `steps` of a method that has none.
        UnsupportedModelError: Blocks whose heads do not add up to what attention adds.

    Source:
        Syed, Rager & Conmy (2023), arXiv 2310.10348, equation 2; Hanna, Pezzelle & Belinkov
        (2024), arXiv 2403.17806, equation 3, for integrated gradients.

    Example:
        >>> found = vl.analysis.edge_attribution_patching(clean, corrupted, ("cat", "dog"))
        >>> found.table(20)
    """
    check_choice("method", method, METHODS)
    check_choice("how", how, ("denoising", "noising"))
    n_steps = steps_of(steps, 'method="eap-ig"' if method == "eap" else None)
    if how == "noising" and method != "eap":
        raise UsageError(
            f'method="{method}" takes the mean gradient on the way between both runs, and has no '
            'how="noising"; leave how out, or take method="eap".'
        )
    given = pairs(clean, corrupted, metric)
    given[0].metric.check_gradient(at_clean=how == "noising")
    for trace in (one for pair in given for one in (pair.clean, pair.corrupted)):
        check_differentiable(trace.vit, trace.states[0], "An estimate")
    found = [_scores(pair, method, how, n_steps) for pair in given]
    said = METHODS[method]
    said += f", {how}" if method == "eap" else f", {counted(n_steps, 'step')}"
    return _effects(given, found, method, said)


def _scores(pair: Pair, method: Method, how: How, steps: int) -> np.ndarray:
    gradients = EdgeGradients(pair)
    if method == "eap":
        return gradients.scores(pair.clean if how == "noising" else pair.corrupted, UNCHANGED)
    graph, along_inputs = Graph.of(pair.clean.vit), method == "eap-ig"
    paths = gradients.inputs(steps) if along_inputs else gradients.activations(steps)
    n_runs = steps * (1 if along_inputs else 1 + graph.n_layers * (1 + graph.has_mlp))
    steps_taken = progress(paths, METHODS[method], n_runs)
    runs = (gradients.scores(pair.corrupted, path) for path in steps_taken)
    return sum(runs, np.zeros(()))


@experiment("pair")
def edge_patching(
    clean: Runs,
    corrupted: Runs,
    metric: Any,
    *,
    edges: Sequence[tuple[str, str]] | None = None,
    how: How = "denoising",
) -> EdgeEffects:
    """What each edge does, by exchanging it for real: one exact run for each.

    An interrupt (Ctrl-C) gives the edges that were exchanged until then; before there are any, it
    is raised as `KeyboardInterrupt`, which says so.

    Args:
        clean: The run whose values are put in, or several such traces.
        corrupted: The run that they are put into, with as many images.
        metric: As for `edge_attribution_patching`; it needs no gradient.
        edges: Which, as `(sender, reader)` by name, such as `("L3 H1", "L5 H2 v")`; None for all.
        how: `"denoising"`: what the corrupted run gains when the edge is given the clean value;
            `"noising"`: what the clean run loses when it is given the corrupted one.

    Raises:
        UsageError: Runs that do not match, a metric that does not fit, or no such edge.
        UnsupportedModelError: Blocks whose heads do not add up to what attention adds.
    """
    check_choice("how", how, ("denoising", "noising"))
    given = pairs(clean, corrupted, metric)
    graph = Graph.of(given[0].clean.vit)
    asked = graph.edges if edges is None else graph.named(edges)
    found = _exchanged(given, graph, asked, how)
    n_known = int((~np.isnan(found[:, asked[:, 0], asked[:, 1]]).any(0)).sum())
    stopped = "" if n_known == len(asked) else f", stopped after {n_known} of {len(asked)}"
    return _effects(given, [found], "exact", f"exchanged one by one, {how}{stopped}")


def _exchanged(given: Sequence[Pair], graph: Graph, asked: np.ndarray, how: How) -> np.ndarray:
    """The effects of the edges asked for, `[image, reader, sender]`, NaN of the others.

    Some edges at a time, since each is a circuit `[reader, sender]` of its own; an interrupt keeps
    those that are known of all pairs.
    """
    enters = "clean" if how == "noising" else "corrupted"
    runs = [CircuitRuns(pair.clean, pair.corrupted, enters=enters) for pair in given]
    n_images = sum(pair.clean.n_images for pair in given)
    found = np.where(graph.allowed, np.nan, 0.0)[None].repeat(n_images, 0)
    parts = [asked[first : first + _EDGES] for first in range(0, len(asked), _EDGES)]
    n_known = 0
    try:
        for some in progress(parts, "edges"):
            both = zip(given, runs, strict=True)
            change = np.concatenate([_changed(*one, some, how) for one in both])
            found[:, some[:, 0], some[:, 1]] = change
            n_known += len(some)
    except KeyboardInterrupt:
        if not n_known:
            raise stopped_early("edge") from None
    return found


def _changed(pair: Pair, runs: CircuitRuns, edges: np.ndarray, how: How) -> np.ndarray:
    """What exchanging single edges changes, `[image, edge]`."""
    whole = runs.graph.allowed
    single = np.stack([runs.graph.mask([edge]) for edge in edges])
    others = whole & ~single
    if how == "noising":
        return (pair.of_clean - pair.of(runs.logits(others, base=whole))).T
    return (pair.of(runs.logits(others, single, whole)) - pair.of_corrupted).T


def _effects(
    given: Sequence[Pair], found: Sequence[np.ndarray], method: str, how: str
) -> EdgeEffects:
    of_clean = np.concatenate([pair.of_clean for pair in given])
    first = given[0]
    return EdgeEffects(
        title=f"{first.clean.vit.name}, {counted(len(of_clean), 'pair')}, edges: {how}, "
        f"{first.metric.name}",
        method=method,
        graph=Graph.of(first.clean.vit),
        effects=np.concatenate(list(found)),
        metric=first.metric,
        of_clean=of_clean,
        of_corrupted=np.concatenate([pair.of_corrupted for pair in given]),
    )
