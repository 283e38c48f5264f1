"""Which features write alike: cosines of the directions that they add to the stream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

import vitlens_widgets.charts as charts
from vitlens_widgets.analysis.activations.nearest import (
    FeatureNames,
    Where,
    largest,
    nearest,
    place_of,
)
from vitlens_widgets.analysis.experiment import experiment
from vitlens_widgets.analysis.features.feature import FeatureSet, reference_run
from vitlens_widgets.analysis.result import Result
from vitlens_widgets.data.frames import frame
from vitlens_widgets.errors import as_list, check_seed
from vitlens_widgets.features import SAE
from vitlens_widgets.trace import ViT
from vitlens_widgets.trace.sites import check_index
from vitlens_widgets.trace.vit import check_vit

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812
    from pandas import DataFrame

_DRAWN, _LUCK = 100, 0.95


@dataclass(frozen=True, eq=False)
class Neighbours(Result):
    """What `neighbours` found.

    Attributes:
        title: Which feature, the model.
        layer: Its block.
        feature: Its number.
        layers: The blocks of those it is compared with.
        cosine: With each, float64 `[layer, feature]`; NaN of what writes nothing.
        null: The largest cosine by luck: of directions drawn by lot, spread as those of the
            features are, 95 of 100 have no larger one with any feature.
        name: What its kind of feature is called.
        directions: What all features write, at length 1, float32 `[layer, feature, d]`.
    """

    title: str
    layer: int
    feature: int
    layers: tuple[int, ...]
    cosine: np.ndarray = field(repr=False)
    null: float
    name: str
    directions: Tensor = field(repr=False)

    def of(self, layer: int, feature: int) -> Neighbours:
        """The same of another feature, without asking the model again.

        Raises:
            UsageError: A block that was not looked at, or a feature that there is not.
        """
        place = place_of(layer, self.layers)
        feature = check_index("feature", feature, self.directions.shape[1])
        own = self.directions[place, feature]
        cosine = _cosines(own, self.directions)
        whose = self.title.split(": ", 1)[1]
        title = f"neighbours of {_called(self.name, layer, feature)}: {whose}"
        return replace(self, title=title, layer=layer, feature=feature, cosine=cosine)

    def top(self, k: int = 6, where: Where = "any") -> FeatureNames:
        """The features that write most nearly the same, itself left out.

        Args:
            k: How many.
            where: In which blocks: `"earlier"`, `"same"`, `"later"` or `"any"`.

        Raises:
            UsageError: Another number or place.
        """
        return nearest(self.cosine, self.layers, (self.layer, self.feature), k, where)

    def table(self, k: int = 6) -> DataFrame:
        """A row per neighbour, the nearest first, in any block.

        Args:
            k: How many.

        Raises:
            UsageError: No number.
        """
        found = self.top(k)
        columns = {
            "layer": found.layer.tolist(),
            "feature": found.feature.tolist(),
            "cosine": found.value.tolist(),
        }
        return frame(columns, f"{self.title}; by luck up to {self.null:.3f}")

    def figure(self) -> Figure:
        """The largest cosine in each block."""
        title = self.titled("largest cosine of directions")
        plot = charts.figure_over_blocks(title, self.layers, "cosine")
        curves = {"largest": largest(self.cosine, self.layers, (self.layer, self.feature)).tolist()}
        plot = charts.with_curves(plot, "block", [str(one) for one in self.layers], curves)
        charts.with_chance(plot, self.null, "by luck")
        return plot

    def summary(self) -> str:
        """The three nearest, and what luck gives."""
        rows = zip(*self.top(3), strict=True)
        lines = [f"{name} of block {layer}: cosine {value:.2f}" for layer, name, value in rows]
        return "\n".join([self.title, *lines, f"by luck up to {self.null:.2f}"])


@experiment("model", needs_classifier=False)
def neighbours(
    vit: ViT,
    layer: int,
    feature: int,
    *,
    layers: Sequence[int] | None = None,
    sae: SAE | None = None,
    seed: int = 0,
) -> Neighbours:
    """Which neurons, or latents of an SAE, add nearly the same direction to the stream.

    Cosines of what one unit of activation adds: a neuron's value vector with the layer scale, a
    latent's direction. `found.of(layer, feature)` has another feature's without asking the model
    again. The nearest is the best of all features, and so is its null: the largest cosine with any
    of them of 100 directions drawn by lot, each a sum of all features' directions by normal random
    weights. So they crowd where features do, as directions drawn evenly, or with their numbers in
    another order, would not.

    Args:
        vit: The model.
        layer: The feature's block.
        feature: Its number.
        layers: The blocks whose neurons it is compared with; None for all.
        sae: A sparse autoencoder, whose latents are compared with one another.
        seed: Of the directions that the null draws.

    Raises:
        UsageError: A block or feature that there is not, or an SAE of another model.
        UnsupportedModelError: What stands between activations and the stream is not linear.

    Source:
        Value vectors: Geva et al. (2021), "Transformer Feed-Forward Layers Are Key-Value Memories".

    Example:
        >>> found = vl.analysis.neighbours(vit, layer=4, feature=17)
        >>> found.table(), found.of(2, 5).top(6, "later")
    """
    check_vit(vit, "neighbours")
    layer, seed = check_index("layer", layer, vit.n_layers), check_seed(seed)
    asked = range(vit.n_layers) if layers is None else as_list("layers=", layers, "[0, 3]")
    chosen = sorted({layer, *(check_index("layer", one, vit.n_layers) for one in asked)})
    blocks = (layer,) if sae is not None else tuple(chosen)
    trace = reference_run(vit)
    written = [FeatureSet(vit, one, sae).vectors(trace) for one in blocks]
    feature = check_index("feature", feature, len(written[blocks.index(layer)]))
    directions = torch.nn.functional.normalize(torch.stack(written), dim=-1)
    cosine = _cosines(directions[blocks.index(layer), feature], directions)
    name = "neuron" if sae is None else f"latent of {sae.name}"
    title = f"neighbours of {_called(name, layer, feature)}: {vit.name}"
    null = _by_luck(directions.flatten(0, 1), seed)
    return Neighbours(title, layer, feature, blocks, cosine, null, name, directions)


def _called(name: str, layer: int, feature: int) -> str:
    return f"{name} {feature} of block {layer}"


def _cosines(own: Tensor, directions: Tensor) -> np.ndarray:
    """With all directions; NaN where there is none."""
    there = (directions != 0).any(-1) & bool((own != 0).any())
    return torch.where(there, directions @ own, torch.nan).double().numpy()


def _by_luck(directions: Tensor, seed: int) -> float:
    """The largest cosine with any of the directions `[feature, d]` that luck has."""
    rng = np.random.default_rng(seed)
    weights = torch.from_numpy(rng.standard_normal((_DRAWN, len(directions)), np.float32))
    drawn = torch.nn.functional.normalize(weights.to(directions) @ directions, dim=-1)
    return float(np.quantile((drawn @ directions.T).amax(1).numpy(), _LUCK))
