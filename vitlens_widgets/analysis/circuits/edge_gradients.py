"""Gradients in the inputs of all readers, and what all edges carry: one backward pass a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.analysis.checks import logits_of
from vitlens_widgets.analysis.circuits.graph import QKV, Graph
from vitlens_widgets.analysis.circuits.pairs import Pair
from vitlens_widgets.analysis.circuits.reading import BlockReaders
from vitlens_widgets.analysis.circuits.writing import writings, written
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.trace import Trace
from vitlens_widgets.trace.edits import Replace


@dataclass(frozen=True)
class Path:
    """A run on the way from corrupted to clean, and the senders whose edges it speaks for."""

    edits: Sequence[Replace]
    first: int
    """The block that it starts from."""
    senders: slice
    weight: float


UNCHANGED = Path((), 0, slice(0, None), 1.0)
"""The run itself."""


class EdgeGradients:
    """What each edge of a pair carries, times the gradient in what its reader is given.

    Kept at a time: the graph of one forward pass, and of one image what all senders write,
    `[sender, token, d]`, and the inputs of one block's readers, `[reader, token, d]`.

    Args:
        pair: The runs.

    Raises:
        UnsupportedModelError: Blocks whose heads do not add up to what attention adds.
    """

    def __init__(self, pair: Pair) -> None:
        self._pair, self._graph = pair, Graph.of(pair.clean.vit)
        self._of_clean, self._of_corrupted = written(pair.clean), written(pair.corrupted)
        self._writings = writings(pair.clean, self._of_clean)
        self._readings = [BlockReaders(pair.clean, layer) for layer in range(self._graph.n_layers)]

    def scores(self, at: Trace, path: Path) -> np.ndarray:
        """Of one run: float64 `[image, reader, sender]`, 0 where there is no edge.

        Args:
            at: The run whose images they are, changed by the path's edits.
            path: What is changed, and which senders' edges are asked for.
        """
        graph = self._graph
        found = np.zeros((at.n_images, graph.n_readers, graph.n_senders))
        gradients = _Gradients(self._pair, graph, self._readings, at, path)
        for image in range(at.n_images):
            moved = self._moved(image)
            for readers, gradient in gradients.of(image):
                n = int(graph.allowed[readers.start].sum())
                senders = slice(path.senders.start, min(n, path.senders.stop or n))
                products = gradient.flatten(1) @ moved[senders].flatten(1).T
                found[image, readers, senders] = path.weight * products.double().cpu().numpy()
        return found

    def inputs(self, steps: int) -> Iterator[Path]:
        """State 0 on the straight line from corrupted to clean, in the middle of each step."""
        ends = self._of_corrupted.embedding, self._of_clean.embedding
        return _line("resid_pre", 0, ends, slice(0, None), steps)

    def activations(self, steps: int) -> Iterator[Path]:
        """What one place writes on that line: the embedding, a block's heads, or an MLP."""
        graph, a, b = self._graph, self._of_corrupted, self._of_clean
        yield from _line("resid_pre", 0, (a.embedding, b.embedding), slice(0, 1), steps)
        for layer in range(graph.n_layers):
            yield from _line("z", layer, (a.z[layer], b.z[layer]), graph.heads(layer), steps)
            if graph.has_mlp:
                ends, mlp = (a.mlp_out[layer], b.mlp_out[layer]), graph.mlp(layer)
                yield from _line("mlp_out", layer, ends, slice(mlp, mlp + 1), steps)

    def _moved(self, image: int) -> Tensor:
        """What each sender writes more in the clean run than in the corrupted one, of one image.

        `[sender, token, d]`.
        """
        a, b, one = self._of_corrupted, self._of_clean, slice(image, image + 1)
        parts = [b.embedding[one] - a.embedding[one]]
        for layer, writing in enumerate(self._writings):
            parts.append(writing.heads(b.z[layer][one] - a.z[layer][one])[0])
            if self._graph.has_mlp:
                parts.append(b.mlp_out[layer][one] - a.mlp_out[layer][one])
        return torch.cat(parts)


def _line(
    site: str, layer: int, ends: tuple[Tensor, Tensor], senders: slice, steps: int
) -> Iterator[Path]:
    for step in range(steps):
        value = ends[0].lerp(ends[1], (step + 0.5) / steps)
        yield Path([Replace(site, layer, value)], layer, senders, 1 / steps)


class _Gradients:
    """The gradients of the metric in the input of each reader, of one run."""

    def __init__(
        self, pair: Pair, graph: Graph, readings: Sequence[BlockReaders], at: Trace, path: Path
    ) -> None:
        self._graph, self._readings, self._first = graph, readings, path.first
        reads = np.asarray(graph.allowed[:, path.senders].any(axis=1))
        self._layers = [k for k in range(graph.n_layers) if reads[graph.qkv(k)].any()]
        self._reads = reads
        self._ask(pair, at, path)

    @clean
    @torch.enable_grad()
    def _ask(self, pair: Pair, at: Trace, path: Path) -> None:
        """One forward and one backward pass: the gradients in q, k, v, and in the states."""
        keep = [*QKV, "attn_out"]
        self._run = run = at.rerun(path.edits, keep=keep, grad=True, first=path.first)
        states = range(path.first, self._graph.n_layers)
        sites = [(site, layer) for layer in self._layers for site in QKV]
        sites += [("resid_post", k) for k in states]
        values = [run[key] for key in sites]
        metric = pair.metric(logits_of(run)).sum()
        self._of_site = dict(zip(sites, torch.autograd.grad(metric, values), strict=True))

    def of(self, image: int) -> Iterator[tuple[slice, Tensor]]:
        """Readers that stand side by side, with the gradients in their inputs.

        `[reader, token, d]`.
        """
        graph, one = self._graph, slice(image, image + 1)
        for layer in range(self._first, graph.n_layers):
            if layer in self._layers:
                yield graph.qkv(layer), self._of_heads(layer, one)
            mlp = graph.reading_mlp(layer)
            if graph.has_mlp and self._reads[mlp]:
                yield slice(mlp, mlp + 1), self._of_mlp(layer, one)
        last = self._of_site["resid_post", graph.n_layers - 1]
        yield slice(graph.logits, graph.logits + 1), last[one]

    @clean
    @torch.enable_grad()
    def _of_heads(self, layer: int, one: slice) -> Tensor:
        state = self._run["resid_pre", layer].detach()[one]
        inputs = state[:, None, None].repeat(1, 3, self._graph.n_heads, 1, 1).requires_grad_()
        read = self._readings[layer].qkv(inputs)
        after = [self._of_site[site, layer][one] for site in QKV]
        return torch.autograd.grad(read, inputs, after)[0][0].flatten(0, 1)

    @clean
    @torch.enable_grad()
    def _of_mlp(self, layer: int, one: slice) -> Tensor:
        state = self._run["resid_pre", layer].detach()[one]
        if not self._graph.side_by_side:
            state = state + self._run["attn_out", layer].detach()[one]
        inputs = state.requires_grad_()
        read = self._readings[layer].mlp(inputs)
        return torch.autograd.grad(read, inputs, self._of_site["resid_post", layer][one])[0]
