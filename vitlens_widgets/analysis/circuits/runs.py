"""Exact runs of circuits: every reader has an input of its own, edge by edge."""

from __future__ import annotations

from typing import Literal, cast

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.analysis.circuits.graph import Graph
from vitlens_widgets.analysis.circuits.reading import BlockReaders
from vitlens_widgets.analysis.circuits.writing import (
    Written,
    mean_written,
    writings,
    written,
)
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
        mean: For `"mean"`, that over the images of other traces, too; None for this one's alone.

    Raises:
        UnsupportedModelError: Blocks whose heads do not add up to what attention adds.
    """

    def __init__(
        self,
        clean: Trace,
        corrupted: Trace,
        ablation: Ablation = "corrupted",
        enters: Literal["clean", "corrupted"] = "clean",
        mean: Written | None = None,
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
            "mean": lambda: mean or mean_written([corrupted]),
            "zero": lambda: of_corrupted.zeros(self.writings),
        }
        self.ablated = ablated[ablation]()
        self.streams = _streams(self.ablated)
        self._base: tuple[bytes, Tensor] | None = None

    @property
    def n_images(self) -> int:
        """How many pairs."""
        return self.clean.n_images

    @clean
    @torch.no_grad()
    def logits(
        self, keep: np.ndarray, patch: np.ndarray | None = None, base: np.ndarray | None = None
    ) -> Tensor:
        """The answers of circuits.

        Args:
            keep: The circuits, bool `[circuit, reader, sender]`.
            patch: Edges of the same shape along which the *clean run's* values go instead,
                whatever this run has: with all others kept in a run that begins as the corrupted
                one, an edge exchanged by itself.
            base: A circuit `[reader, sender]` that they all come from by small changes: it is run
                once, and each of them from the first block on in which it differs.

        Returns:
            `[circuit, image, class]`, in float32 or finer.

        Raises:
            UsageError: Weights or modules that have changed since the traces.
        """
        self.clean.check_weights("run as a circuit")
        size = max(1, _BYTES // self._bytes_of_a_row(patch is not None))
        first = np.zeros(len(keep), int)
        if base is not None and self.n_images <= size:
            first = self._first_changed(keep, patch, base)
        answers = cast("Tensor", self.clean.logits)
        fine = torch.promote_types(answers.dtype, torch.float32)
        found = torch.empty(len(keep), *answers.shape, dtype=fine)
        with progress_bar(found.shape[0] * found.shape[1], "circuits", "run") as bar:
            for layer in np.unique(first).tolist():
                circuits = torch.from_numpy(np.flatnonzero(first == layer))
                rows = torch.cartesian_prod(circuits, torch.arange(self.n_images))
                for part in torch.split(rows, size):
                    answer = self._run(keep, patch, part, layer, base)
                    found[part[:, 0], part[:, 1]] = answer.to(found)
                    bar.update(len(part))
        return found

    def _bytes_of_a_row(self, patched: bool) -> int:
        n_tokens, width = self.clean.states.shape[2:]
        graph, item = self.graph, self.clean.states.element_size()
        senders = graph.n_senders * (2 if patched else 1)
        readers = 4 * 3 * graph.n_heads  # inputs, their norms, and what a norm keeps for itself
        maps = 3 * graph.n_heads * n_tokens * n_tokens
        return item * ((senders + readers + 8) * n_tokens * width + maps)

    def _first_changed(
        self, keep: np.ndarray, patch: np.ndarray | None, base: np.ndarray
    ) -> np.ndarray:
        """The first block in which each circuit differs from the base; L for the logits alone."""
        changed = (keep != base).any(2)
        if patch is not None:
            changed = changed | patch.any(2)
        changed[:, -1] = True  # the logits are read in any case
        return changed.argmax(1) // self.graph.read_by_block

    def _run(
        self,
        keep: np.ndarray,
        patch: np.ndarray | None,
        rows: Tensor,
        first: int,
        base: np.ndarray | None,
    ) -> Tensor:
        """Some rows `(circuit, image)` together, from a block on."""
        circuits, images = (
            rows[:, 0].numpy(),
            rows[:, 1],
        )  # NumPy takes a tensor of one for a number
        run = CircuitRows(self, keep[circuits], images)
        if patch is not None:
            run.patch(patch[circuits])
        if first and base is not None:
            run.written[:] = self._of_base(base)[images.to(run.written.device)]
        run.go_on(first)
        return self.clean.vit.adapter.readout_logits(run.answer())

    def _of_base(self, base: np.ndarray) -> Tensor:
        """What the senders of a circuit write, less what is ablated: of the last one, kept."""
        key = base.tobytes()
        if self._base is None or self._base[0] != key:
            images = torch.arange(self.n_images)
            run = CircuitRows(self, base[None].repeat(self.n_images, 0), images)
            run.go_on(0)
            self._base = key, run.written
        return self._base[1]


def _streams(ablated: Written) -> list[tuple[Tensor, Tensor]]:
    """The stream of ablated values: before each block and after its attention; and at the end."""
    stream, found = ablated.embedding, list[tuple[Tensor, Tensor]]()
    for layer, attn_out in enumerate(ablated.attn_out):
        middle = stream + attn_out
        found.append((stream, middle))
        stream = middle + ablated.mlp_out[layer] if ablated.mlp_out else middle
    return [*found, (stream, stream)]


class CircuitRows:
    """The rows of one batched run.

    Args:
        runs: The pair.
        keep: The circuit of each row, bool `[row, reader, sender]`.
        images: The image of each row, int64 `[row]`.

    Attributes:
        written: What senders wrote, less what is ablated, `[row, sender, token, d]`.
    """

    def __init__(self, runs: CircuitRuns, keep: np.ndarray, images: Tensor) -> None:
        self._runs, self._graph = runs, runs.graph
        state = runs.clean.states[0]
        self._keep = torch.from_numpy(keep).to(state)
        self._images = images.to(state.device)
        self.written = state.new_zeros(len(images), self._graph.n_senders, *state.shape[1:])
        self.written[:, 0] = self._of(runs.enters) - self._of(runs.ablated.embedding)
        self._patch: tuple[Tensor, Tensor] | None = None

    def patch(self, patch: np.ndarray) -> None:
        """Put the clean run's values on some edges, bool `[row, reader, sender]`."""
        runs, graph = self._runs, self._graph
        fixed = torch.zeros_like(self.written)
        fixed[:, 0] = self._of(runs.of_clean.embedding) - self._of(runs.ablated.embedding)
        for layer in range(graph.n_layers):
            moved = self._of(runs.of_clean.z[layer]) - self._of(runs.ablated.z[layer])
            fixed[:, graph.heads(layer)] = runs.writings[layer].heads(moved)
            if graph.has_mlp:
                mlp = self._of(runs.of_clean.mlp_out[layer])
                fixed[:, graph.mlp(layer)] = mlp - self._of(runs.ablated.mlp_out[layer])
        self._patch = torch.from_numpy(patch).to(self._keep), fixed

    def go_on(self, first: int) -> None:
        """Run the blocks from one on; what was written before is there."""
        for layer in range(first, self._graph.n_layers):
            self._attend(layer)
            if self._graph.has_mlp:
                self._read_mlp(layer)

    def answer(self) -> Tensor:
        """What the logits read, `[row, token, d]`."""
        last = self._graph.logits
        return self._inputs(slice(last, last + 1), self._runs.streams[-1][0])[:, 0]

    def _attend(self, layer: int) -> None:
        """Let a block's heads read and write."""
        graph, runs = self._graph, self._runs
        inputs = self._inputs(graph.qkv(layer), runs.streams[layer][0])
        by_head = torch.unflatten(inputs, 1, (3, graph.n_heads))
        q, k, v = runs.readings[layer].qkv(by_head)
        pattern = runs.clean.vit.adapter.exact_scores(layer, q, k).softmax(-1)
        z = (pattern @ v.transpose(1, 2).to(pattern)).transpose(1, 2).to(v)
        moved = z - self._of(runs.ablated.z[layer])
        self.written[:, graph.heads(layer)] = runs.writings[layer].heads(moved)

    def _read_mlp(self, layer: int) -> None:
        """Let a block's MLP read and write."""
        graph, runs = self._graph, self._runs
        reader, (before, middle) = graph.reading_mlp(layer), runs.streams[layer]
        stream = before if graph.side_by_side else middle
        inputs = self._inputs(slice(reader, reader + 1), stream)[:, 0]
        ablated = self._of(runs.ablated.mlp_out[layer])
        self.written[:, graph.mlp(layer)] = runs.readings[layer].mlp(inputs) - ablated

    def _inputs(self, readers: slice, stream: Tensor) -> Tensor:
        """What readers are given, `[row, reader, token, d]`, of the senders that they have."""
        n = int(self._graph.allowed[readers.start].sum())
        found = self._keep[:, readers, :n] @ self.written[:, :n].flatten(2)
        if self._patch is not None:
            patch, fixed = self._patch
            found = found + patch[:, readers, :n] @ fixed[:, :n].flatten(2)
        ablated = self._of(stream)
        return ablated[:, None] + found.view(*found.shape[:2], *ablated.shape[1:])

    def _of(self, values: Tensor) -> Tensor:
        """By row, of `[image, ...]`, or of one image for all."""
        if len(values) > 1:
            return values[self._images]
        return values.expand(len(self._images), *values.shape[1:])
