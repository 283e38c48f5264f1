"""Exact runs of circuits: every reader has an input of its own, edge by edge."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.analysis.circuits.graph import Graph
from vitlens_widgets.analysis.circuits.reading import BlockReaders
from vitlens_widgets.analysis.circuits.writing import Written, writings, written
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.progress import progress_bar
from vitlens_widgets.trace import Trace

_BYTES = 2**29  # about what the inputs of readers and the parts of senders may take together

Ablation = Literal["corrupted", "mean", "zero"]


class CircuitRuns:
    """A pair of traces as a graph whose edges can be kept or ablated one by one.

    In a run, the input of each reader is the sum over its senders of what they write: along an
    edge that is kept, what the sender writes *in this run*; along any other, its ablated value.
    All that is not an edge (output biases of attention) stays. Norms, softmax and MLPs are the
    model's own code, run on each reader's input. With every edge kept the run is the clean one;
    with none it is the ablated one.

    Args:
        clean: The one run.
        corrupted: The other, with the same model and number of images.
        ablation: What stands on the other edges: the corrupted run's values, their mean over the
            corrupted images (token by token), or zeros.
        enters: The run whose state 0 a run begins with.

    Raises:
        UnsupportedModelError: Blocks whose heads do not add up to what attention adds.
    """

    def __init__(
        self,
        clean: Trace,
        corrupted: Trace,
        ablation: Ablation = "corrupted",
        enters: Literal["clean", "corrupted"] = "clean",
    ) -> None:
        self.graph = Graph.of(clean.vit)
        self.clean, self.corrupted = clean, corrupted
        clean.check_weights("run as a circuit")
        of_clean, of_corrupted = written(clean), written(corrupted)
        self.writings = writings(clean, of_clean)
        self.readings = [BlockReaders(clean, layer) for layer in range(clean.vit.n_layers)]
        self.of_clean = of_clean
        self.enters = (of_clean if enters == "clean" else of_corrupted).embedding
        ablated = {
            "corrupted": lambda: of_corrupted,
            "mean": lambda: of_corrupted.mean,
            "zero": lambda: of_corrupted.zeros(self.writings),
        }
        self.ablated = ablated[ablation]()

    @property
    def n_images(self) -> int:
        """How many pairs."""
        return self.clean.n_images

    @clean
    @torch.no_grad()
    def logits(self, keep: np.ndarray, patch: np.ndarray | None = None) -> Tensor:
        """The answers of circuits.

        Args:
            keep: The circuits, bool `[circuit, reader, sender]`.
            patch: Edges of the same shape along which the *clean run's* values go instead,
                whatever this run has: with all others kept in a run that begins as the corrupted
                one, an edge exchanged by itself.

        Returns:
            `[circuit, image, class]`.

        Raises:
            UsageError: Weights or modules that have changed since the traces.
        """
        self.clean.check_weights("run as a circuit")
        n_circuits, n_images = len(keep), self.n_images
        rows = torch.cartesian_prod(torch.arange(n_circuits), torch.arange(n_images))
        size = max(1, _BYTES // self._bytes_of_a_row(patch is not None))
        found: list[Tensor] = []
        with progress_bar(len(rows), "circuits", "run") as bar:
            for part in rows.split(size):
                found.append(self._run(keep, patch, part))
                bar.update(len(part))
        return torch.cat(found).view(n_circuits, n_images, -1)

    def _bytes_of_a_row(self, patched: bool) -> int:
        n_tokens, width = self.clean.states.shape[2:]
        graph, item = self.graph, self.clean.states.element_size()
        senders = graph.n_senders * (2 if patched else 1)
        readers = 4 * 3 * graph.n_heads  # inputs, their norms, and what a norm keeps for itself
        maps = 3 * graph.n_heads * n_tokens * n_tokens
        return item * ((senders + readers + 8) * n_tokens * width + maps)

    def _run(self, keep: np.ndarray, patch: np.ndarray | None, rows: Tensor) -> Tensor:
        """Some rows `(circuit, image)`, together."""
        circuits = rows[:, 0].numpy()  # NumPy takes a tensor of one number for that number
        run = _Rows(self, keep[circuits], rows[:, 1])
        if patch is not None:
            run.patch(patch[circuits], self.of_clean)
        for layer in range(self.graph.n_layers):
            run.attend(layer)
            if self.graph.has_mlp:
                run.read_mlp(layer)
        return self.clean.vit.adapter.readout_logits(run.answer())


class _Rows:
    """The rows of one batched run: what was written so far, less what is ablated."""

    def __init__(self, runs: CircuitRuns, keep: np.ndarray, images: Tensor) -> None:
        self._runs, self._graph = runs, runs.graph
        state = runs.clean.states[0]
        self._keep = torch.from_numpy(keep).to(state)  # [row, reader, sender]
        self._images = images.to(state.device)
        self._written = state.new_zeros(
            len(images), self._graph.n_senders, *state.shape[1:]
        )  # [row, sender, token, d]
        self._written[:, 0] = self._of(runs.enters) - self._of(runs.ablated.embedding)
        self._ablated = self._of(runs.ablated.embedding)  # the stream of ablated values, so far
        self._patch: Tensor | None = None

    def patch(self, patch: np.ndarray, of_clean: Written) -> None:
        """Put the clean run's values on some edges."""
        runs, graph = self._runs, self._graph
        self._patch = torch.from_numpy(patch).to(self._keep)
        self._fixed = torch.zeros_like(self._written)
        self._fixed[:, 0] = self._of(of_clean.embedding) - self._of(runs.ablated.embedding)
        for layer in range(graph.n_layers):
            moved = self._of(of_clean.z[layer]) - self._of(runs.ablated.z[layer])
            self._fixed[:, graph.heads(layer)] = runs.writings[layer].heads(moved)
            if graph.has_mlp:
                moved = self._of(of_clean.mlp_out[layer]) - self._of(runs.ablated.mlp_out[layer])
                self._fixed[:, graph.mlp(layer)] = moved

    def attend(self, layer: int) -> None:
        """Let a block's heads read and write."""
        graph, runs = self._graph, self._runs
        readers, n = graph.qkv(layer), graph.before(layer)
        inputs = self._inputs(readers, n).unflatten(1, (3, graph.n_heads))
        self._side = self._ablated  # where an MLP beside the attention reads
        q, k, v = runs.readings[layer].qkv(inputs)
        pattern = runs.clean.vit.adapter.exact_scores(layer, q, k).softmax(-1)
        z = (pattern @ v.transpose(1, 2).to(pattern)).transpose(1, 2).to(v)
        moved = z - self._of(runs.ablated.z[layer])
        self._written[:, graph.heads(layer)] = runs.writings[layer].heads(moved)
        self._ablated = self._ablated + self._of(runs.ablated.attn_out[layer])

    def read_mlp(self, layer: int) -> None:
        """Let a block's MLP read and write."""
        graph, runs = self._graph, self._runs
        reader, n = graph.reading_mlp(layer), graph.before_mlp(layer)
        stream = self._side if graph.side_by_side else self._ablated
        inputs = self._inputs(slice(reader, reader + 1), n, stream)[:, 0]
        off = self._of(runs.ablated.mlp_out[layer])
        self._written[:, graph.mlp(layer)] = runs.readings[layer].mlp(inputs) - off
        self._ablated = self._ablated + off

    def answer(self) -> Tensor:
        """What the logits read, `[row, token, d]`."""
        last = self._graph.logits
        return self._inputs(slice(last, last + 1), self._graph.n_senders)[:, 0]

    def _inputs(self, readers: slice, n: int, stream: Tensor | None = None) -> Tensor:
        """What readers are given of the first n senders, `[row, reader, token, d]`."""
        kept = self._keep[:, readers, :n] @ self._written[:, :n].flatten(2)
        if self._patch is not None:
            kept = kept + self._patch[:, readers, :n] @ self._fixed[:, :n].flatten(2)
        base = self._ablated if stream is None else stream
        return base[:, None] + kept.view(*kept.shape[:2], *base.shape[1:])

    def _of(self, values: Tensor) -> Tensor:
        """By row, of `[image, ...]`, or of one image for all."""
        if len(values) > 1:
            return values[self._images]
        return values.expand(len(self._images), *values.shape[1:])
