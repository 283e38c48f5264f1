"""Which classes each value vector of a block promotes, to be looked through."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

import vitlens_widgets.charts as charts
from vitlens_widgets.analysis.checks import check_top
from vitlens_widgets.analysis.experiment import experiment
from vitlens_widgets.analysis.result import Result
from vitlens_widgets.analysis.value_vectors.kin import KinshipTest, kinship_test
from vitlens_widgets.analysis.value_vectors.weights import (
    check_kind,
    class_directions,
    vectors_of,
)
from vitlens_widgets.data import Kinship, LabelSet
from vitlens_widgets.data.frames import frame
from vitlens_widgets.errors import UsageError
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.trace import ViT
from vitlens_widgets.trace.sites import check_index
from vitlens_widgets.trace.vit import check_vit

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812
    from pandas import DataFrame


@dataclass(frozen=True, eq=False)
class ValueVectors(Result):
    """What `value_vectors` found.

    Attributes:
        title: The model, the kind of value vectors, the block.
        labels: The class names.
        logits: How far each value vector points along each class, float32
            `[class, vector]`: the classifier's weight times the output projection's.
        k: How many classes, or vectors, a row of a table names.
    """

    title: str
    labels: LabelSet
    logits: np.ndarray = field(repr=False)
    k: int = 5

    @property
    def n_vectors(self) -> int:
        """How many value vectors the block has."""
        return self.logits.shape[1]

    @property
    def top_classes(self) -> np.ndarray:
        """The k classes that each vector promotes most, int64 `[vector, k]`."""
        return np.argsort(-self.logits.T, axis=1, kind="stable")[:, : self.k]

    @property
    def top_vectors(self) -> np.ndarray:
        """The k vectors that promote each class most, int64 `[class, k]`."""
        return np.argsort(-self.logits, axis=1, kind="stable")[:, : self.k]

    def table(self) -> DataFrame:
        """A row per vector: its classes, and the logit of the first; the strongest comes first."""
        classes, first = self.top_classes, self.logits.max(axis=0)
        order = np.argsort(-first, kind="stable")
        columns: dict[str, list[Any]] = {"vector": order.tolist(), "logit": first[order].tolist()}
        for place in range(self.k):
            columns[f"class {place + 1}"] = [self.labels[int(c)] for c in classes[order, place]]
        return frame(columns, self.title)

    def classes(self) -> DataFrame:
        """A row per class: the vectors that promote it most, with the logit of the first."""
        chosen = self.top_vectors
        columns: dict[str, list[Any]] = {
            "class": list(self.labels),
            "logit": self.logits[np.arange(len(self.labels)), chosen[:, 0]].tolist(),
        }
        for place in range(self.k):
            columns[f"vector {place + 1}"] = chosen[:, place].tolist()
        return frame(columns, self.title)

    def vector(self, vector: int) -> DataFrame:
        """A row per class, with its logit of one vector; the largest stands first.

        Raises:
            UsageError: There is no such vector.
        """
        logits = self.logits[:, check_index("vector", vector, self.n_vectors)]
        order = np.argsort(-logits, kind="stable")
        columns: dict[str, list[Any]] = {
            "class": [self.labels[int(c)] for c in order],
            "logit": logits[order].tolist(),
        }
        return frame(columns, f"{self.title}, value vector {vector}")

    def promoting(self, target: str | int) -> DataFrame:
        """A row per vector, with its logit of one class; the largest stands first.

        Raises:
            UsageError: There is no such class.
        """
        logits = self.logits[self.labels.index(target)]
        order = np.argsort(-logits, kind="stable")
        columns = {"vector": order.tolist(), "logit": logits[order].tolist()}
        return frame(columns, f"{self.title}, {self.labels[self.labels.index(target)]}")

    def kinship_test(self, n_random: int = 300, seed: int = 0) -> KinshipTest:
        """Whether the two classes that a vector promotes most belong together, by WordNet.

        Args:
            n_random: How often the second classes are dealt anew among the vectors.
            seed: Of the deals.

        Raises:
            UsageError: WordNet does not have these classes.
        """
        kinship = Kinship.of(self.labels)
        if kinship is None:
            raise UsageError(
                "The classes stand in no tree of kinds; ImageNet's and the world's do. With a "
                "tree of your own, use vitlens_widgets.analysis.value_vectors.kin.kinship_test."
            )
        return kinship_test(self.top_classes[:, :2], kinship, n_random, seed)

    def summary(self) -> str:
        """How many vectors there are, and which classes the strongest of them promote."""
        strongest = np.argsort(-self.logits.max(axis=0), kind="stable")[: self.k]
        first = [self.labels[int(c)] for c in self.top_classes[strongest, 0]]
        named = ", ".join(f"{c} ({v})" for c, v in zip(first, strongest, strict=True))
        return f"{self.title}\n{self.n_vectors} vectors, of which the strongest promote {named}"

    def figure(self) -> Figure:
        """How strong the vectors are: the logit of the class that each promotes most."""
        first = np.sort(self.logits.max(axis=0))[::-1].tolist()
        plot = charts.empty_figure(
            self.titled("how strong the value vectors are"), "logit of the class promoted most"
        )
        plot.xaxis.axis_label = "vector, the strongest first"
        return charts.with_curves(plot, "place", range(1, self.n_vectors + 1), {"vectors": first})


@experiment("model")
@clean
@torch.no_grad()
def value_vectors(vit: ViT, layer: int, kind: str = "MLP", *, k: int | None = None) -> ValueVectors:
    """Which classes the value vectors of one block promote, from the weights alone.

    Args:
        vit: The model.
        layer: The block, from 0.
        kind: `"MLP"`: a vector for each neuron, or `"attention"`: one for each channel of each
            head, one head after the other.
        k: How many classes are named of each vector, and vectors of each class. Default: 5, or
            all of fewer.

    Raises:
        UsageError: No such block or kind, a k out of range, or no classifier.
        UnsupportedModelError: The vectors cannot be read from the weights.

    Source:
        Vilas et al. (2023), section 6.1. In their ViT-B/32, `layer=10`, the MLP's vectors 8, 10
        and 32 are of bears, lizards and dogs.

    Example:
        >>> found = vl.analysis.value_vectors(vit, layer=10)
        >>> found.table()                # which classes each vector promotes
        >>> found.promoting("cat")       # which vectors promote a class
    """
    check_vit(vit, "value_vectors")
    check_kind(vit, kind)
    check_index("layer", layer, vit.n_layers)
    logits = class_directions(vit) @ vectors_of(vit, kind, layer)
    k = check_top(k, min(logits.shape))
    title = f"{vit.name}, {kind} value vectors of block {layer}"
    return ValueVectors(title, vit.labels, logits.cpu().numpy(), k)
