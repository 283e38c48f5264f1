"""A circuit as Causes sends it: edges in the order of their need, and what each size keeps."""

from __future__ import annotations

from typing import Any

import numpy as np

from vitlens_widgets.widgets.causes.answers import probabilities
from vitlens_widgets.widgets.causes.seam import CircuitLike, GraphLike, Outside
from vitlens_widgets.widgets.shared import pack

MOST_SENT = 20_000
"""Edges: of the largest models those without effect stay behind."""

NO_CIRCUIT: dict[str, Any] = {"_circuit": {}, "_circuit_edges": b"", "_circuit_effects": b""}


def circuit_traits(found: CircuitLike, kind: str, outside: Outside) -> dict[str, Any]:
    """The traits of a circuit.

    `_circuit_edges` is int32 `[edge, (from, to, port)]`, the most needed first, so that the circuit
    of n edges is the first n: nodes count as in js/causes/circuit_places.js, a port is 1 query, 2
    key, 3 value, 0 the whole node. `_circuit_effects` is float32 `[edge]`, shares of the gap.
    """
    order = _by_need(found)[:MOST_SENT]
    shares = found.scores.shares[order[:, 0], order[:, 1]]
    return {
        "_circuit": _sizes(found, kind) | {"n_edges": found.graph.n_edges, "outside": outside},
        "_circuit_edges": pack.int32(_nodes(found.graph, order)),
        "_circuit_effects": pack.float32(np.nan_to_num(shares)),
    }


def _by_need(found: CircuitLike) -> np.ndarray:
    """All edges `(reader, sender)`: those that were removed last first, the others by rank."""
    ranked = found.scores.ranked()
    if len(found.curves) < 2:
        return ranked
    stayed = np.zeros(found.edges.shape, int)
    for tried in found.curves[1].tried:
        stayed += tried.edges
    steps = stayed[ranked[:, 0], ranked[:, 1]]
    return ranked[np.argsort(-steps, kind="stable")]


def _sizes(found: CircuitLike, kind: str) -> dict[str, Any]:
    """What circuits of several sizes keep, as JSON."""
    by_rank = found.curves[0]
    ranked = {"sizes": list(map(int, by_rank.asked)), "kept": list(map(float, by_rank.shares))}
    is_greedy = len(found.curves) > 1
    exact, size = (_on_the_way(found) if is_greedy else ranked), found.size
    if not is_greedy:  # of the ranking, before dead ends were removed
        order = found.scores.ranked()
        inside = np.flatnonzero(found.edges[order[:, 0], order[:, 1]])
        size = int(inside[-1]) + 1 if len(inside) else 1
        exact = _with(exact, size, float(found.share))
    largest = float(np.max(found.random)) if len(found.random) else None
    return {
        "exact": exact,
        "ranked": ranked if is_greedy else None,
        "size": size,
        "without": None if np.isnan(found.without) else float(found.without),
        **_answer(found, kind),
        "random": None if largest is None else {"count": len(found.random), "largest": largest},
        "is_greedy": is_greedy,
        "is_finished": bool(found.finished),
    }


def _answer(found: CircuitLike, kind: str) -> dict[str, Any]:
    """What the circuit answers, once it was asked."""
    if not len(found.answers):
        return {"answer": None, "probability": None}
    chance = probabilities(found.answers, kind).mean(0)
    return {"answer": int(chance.argmax()), "probability": float(chance.max())}


def _on_the_way(found: CircuitLike) -> dict[str, list[Any]]:
    """The circuits of the greedy way, the smallest first, each size once."""
    tried = {one.size: float(one.share) for one in found.curves[1].tried}
    sizes = sorted(tried)
    return {"sizes": sizes, "kept": [tried[size] for size in sizes]}


def _with(curve: dict[str, list[Any]], size: int, kept: float) -> dict[str, list[Any]]:
    """A curve with one more size on it."""
    every = dict(zip(curve["sizes"], curve["kept"], strict=True)) | {size: kept}
    return {"sizes": sorted(every), "kept": [every[one] for one in sorted(every)]}


def _nodes(graph: GraphLike, edges: np.ndarray) -> np.ndarray:
    """Edges `(reader, sender)` as `(from, to, port)`."""
    answer = 1 + graph.n_layers * (graph.n_heads + 1)
    per_block = (graph.n_senders - 1) // graph.n_layers  # without MLPs, the heads alone

    def node(sender: np.ndarray) -> np.ndarray:
        layer, part = np.divmod(np.maximum(sender - 1, 0), per_block)
        return np.where(sender < 1, 0, 1 + layer * (graph.n_heads + 1) + part)

    reader, sender = edges.T
    own = graph.of_reader[reader]
    to = np.where(own < 0, answer, node(np.maximum(own, 0)))
    inside = reader % ((graph.n_readers - 1) // graph.n_layers)
    is_head = (own >= 0) & (inside < 3 * graph.n_heads)
    port = np.where(is_head, 1 + inside // graph.n_heads, 0)
    return np.stack([node(sender), to, port], 1)
