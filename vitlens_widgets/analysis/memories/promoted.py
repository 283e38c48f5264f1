"""Which classes each memory of a block promotes, to be looked through."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch

from vitlens_widgets.analysis.images import check_top
from vitlens_widgets.analysis.memories.weights import (
    check_kind,
    class_directions,
    value_vectors,
)
from vitlens_widgets.data import LabelSet
from vitlens_widgets.data.frames import frame
from vitlens_widgets.trace import ViT
from vitlens_widgets.trace.sites import check_index
from vitlens_widgets.trace.vit import check_vit

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True, eq=False)
class Memories:
    """What `memories` found.

    Attributes:
        title: The model, the kind of memories, the block.
        labels: The class names.
        logits: How far each memory's value vector points along each class, float32
            `[class, memory]`: the classifier's weight times the output projection's.
        k: How many classes, or memories, a row of a table names.
    """

    title: str
    labels: LabelSet
    logits: np.ndarray = field(repr=False)
    k: int = 5

    @property
    def n_memories(self) -> int:
        """How many memories the block has."""
        return self.logits.shape[1]

    @property
    def top_classes(self) -> np.ndarray:
        """The k classes that each memory promotes most, int64 `[memory, k]`."""
        return np.argsort(-self.logits.T, axis=1, kind="stable")[:, : self.k]

    @property
    def top_memories(self) -> np.ndarray:
        """The k memories that promote each class most, int64 `[class, k]`."""
        return np.argsort(-self.logits, axis=1, kind="stable")[:, : self.k]

    def table(self) -> DataFrame:
        """A row per memory: its classes, and the logit of the first; the strongest comes first."""
        classes = self.top_classes
        first = self.logits[classes[:, 0], np.arange(self.n_memories)]
        order = np.argsort(-first, kind="stable")
        columns: dict[str, list] = {"memory": order.tolist(), "logit": first[order].tolist()}
        for place in range(self.k):
            columns[f"class {place + 1}"] = [self.labels[c] for c in classes[order, place]]
        return frame(columns, self.title)

    def classes(self) -> DataFrame:
        """A row per class: the memories that promote it most, with the logit of the first."""
        chosen = self.top_memories
        columns: dict[str, list] = {
            "class": list(self.labels),
            "logit": self.logits[np.arange(len(self.labels)), chosen[:, 0]].tolist(),
        }
        for place in range(self.k):
            columns[f"memory {place + 1}"] = chosen[:, place].tolist()
        return frame(columns, self.title)

    def memory(self, memory: int) -> DataFrame:
        """A row per class, with its logit in one memory; the largest stands first.

        Raises:
            UsageError: There is no such memory.
        """
        logits = self.logits[:, check_index("memory", memory, self.n_memories)]
        order = np.argsort(-logits, kind="stable")
        columns = {"class": [self.labels[c] for c in order], "logit": logits[order].tolist()}
        return frame(columns, f"{self.title}, memory {memory}")

    def promoting(self, target: str | int) -> DataFrame:
        """A row per memory, with its logit of one class; the largest stands first.

        Raises:
            UsageError: There is no such class.
        """
        logits = self.logits[self.labels.index(target)]
        order = np.argsort(-logits, kind="stable")
        columns = {"memory": order.tolist(), "logit": logits[order].tolist()}
        return frame(columns, f"{self.title}, {self.labels[self.labels.index(target)]}")


@torch.no_grad()
def memories(vit: ViT, layer: int, kind: str = "MLP", *, k: int | None = None) -> Memories:
    """Which classes the memories of one block promote, from the weights alone.

    Args:
        vit: The model.
        layer: The block, from 0.
        kind: `"MLP"`: a memory for each neuron, or `"attention"`: one for each channel of each
            head, one head after the other.
        k: How many classes are named of each memory, and memories of each class. Default: 5, or
            all of fewer.

    Raises:
        UsageError: No such block or kind, a k out of range, or no classifier.
        UnsupportedModelError: The memories cannot be read from the weights.

    Source:
        Vilas et al. (2023), section 6.1. In their ViT-B/32, `layer=10`, the MLP's memories 8, 10
        and 32 are of bears, lizards and dogs.

    Example:
        >>> found = vl.analysis.memories(vit, layer=10)
        >>> found.table()                # which classes each memory promotes
        >>> found.promoting("cat")       # which memories promote a class
    """
    check_vit(vit, "memories")
    check_kind(vit, kind)
    check_index("layer", layer, vit.n_layers)
    logits = class_directions(vit) @ value_vectors(vit, kind, layer)
    k = check_top(k, min(logits.shape))
    title = f"{vit.name}, {kind} memories of block {layer}"
    return Memories(title, vit.labels, logits.cpu().numpy(), k)
