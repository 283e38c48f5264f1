"""Which classes a feature writes for, from the weights alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch

import vitlens_widgets.charts as charts
from vitlens_widgets.analysis.experiment import experiment
from vitlens_widgets.analysis.features.class_space import in_class_space
from vitlens_widgets.analysis.features.feature import FeatureSet, random_directions, reference_run
from vitlens_widgets.analysis.result import Result
from vitlens_widgets.data import LabelSet
from vitlens_widgets.data.frames import frame
from vitlens_widgets.errors import check_count, check_seed
from vitlens_widgets.trace import ViT
from vitlens_widgets.trace.feature_edit import Latents

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812
    from pandas import DataFrame

_MOST, _LEAST = 5, 4


@dataclass(frozen=True, eq=False)
class FeatureWrites(Result):
    """What `writes` found.

    Attributes:
        title: The model and the feature.
        labels: The class names; of CLIP its prompts.
        logits: What 1 of activation adds to each logit, after the final norm's gain, classes
            centred, float32 `[class]`.
        direction: What 1 of activation adds to the stream, float32 `[d]`.
        chance: The largest logit of a random direction as long, up or down, stays within this, 95
            of 100 times.
    """

    title: str
    labels: LabelSet
    logits: np.ndarray = field(repr=False)
    direction: np.ndarray = field(repr=False)
    chance: float

    @property
    def order(self) -> np.ndarray:
        """The classes, the most promoted first, int64 `[class]`."""
        return np.argsort(-self.logits, kind="stable")

    def table(self) -> DataFrame:
        """A row per class, the most promoted first."""
        columns = {
            "class": [self.labels[int(c)] for c in self.order],
            "logit": self.logits[self.order].tolist(),
            "above chance": (np.abs(self.logits[self.order]) > self.chance).tolist(),
        }
        return frame(columns, self.title)

    def figure(self) -> Figure:
        """The classes that are most promoted, and those most suppressed."""
        order = self.order
        shown = order if len(order) <= _MOST + _LEAST else [*order[:_MOST], *order[-_LEAST:]]
        names = [self.labels[int(c)] for c in shown]
        title = self.titled("classes that a feature writes for")
        plot = charts.figure_over_states(title, names, "logit for 1 of activation")
        charts.with_chance(plot, self.chance, "95 of 100 random directions stay within")
        charts.with_bars(plot, "class", "logit", {"logit": self.logits[list(shown)]})
        high, low = max(self.chance, self.logits.max()), min(0, self.logits.min())
        plot.y_range.update(start=1.1 * float(low), end=1.1 * float(high))  # a mark widens none
        return plot

    def summary(self) -> str:
        """The classes at both ends, beside chance."""
        first, last = (int(self.order[end]) for end in (0, -1))
        return (
            f"{self.title}\n1 of activation adds {self.logits[first]:+.3f} for "
            f"{self.labels[first]}, {self.logits[last]:+.3f} for {self.labels[last]}, "
            f"before the final norm's scale; of 100 random directions as long 95 stay within "
            f"{self.chance:.3f}"
        )


@experiment("model", part="features")
def writes(
    vit: ViT,
    layer: int,
    feature: int,
    sae: Latents | None = None,
    *,
    n_random: int = 400,
    seed: int = 0,
) -> FeatureWrites:
    """Which classes a feature writes for: its vector in class space, from the weights alone.

    The vector that 1 of activation adds to the stream is read as a token is read (the final norm's
    gain, in CLIP the projection, the classifier), with the scale of norms taken as 1: divide by a
    token's scale for what it adds there. It says what the feature stands for at the token where it
    fires. Where the readout is CLS, a patch's feature gets there by later heads alone: `readers`
    says which, `direct_effect` what it adds by itself, `turned` and `vl.analysis.feature_effects`
    what it does in all.

    A classifier that was taught by patches reads patches: the logits are those patches' own, and
    the unit is a vector of length 1. Of a CLIP, `vit.prompted` says which texts the logits are of;
    they are the model's scale times the product with each text's direction.

    Args:
        vit: The model.
        layer: The block.
        feature: Which neuron of its MLP; with `sae`, which latent.
        sae: A sparse autoencoder, of that block; one that scales each token by numbers of its own
            has these as units.
        n_random: How many random directions chance is found from.
        seed: Of these.

    Raises:
        UsageError: No such block or feature, no classifier, one that is not linear, or an
            autoencoder of another model.
        UnsupportedModelError: What the feature writes is no fixed vector.

    Source:
        Geva et al. (2022), "Transformer feed-forward layers build predictions by promoting concepts
        in the vocabulary space", section 3; of vision transformers Vilas et al. (2023), section
        6.1.

    Example:
        >>> vl.analysis.features.writes(vit, 4, 17).figure()
    """
    of, trace = FeatureSet(vit, layer, sae), reference_run(vit)
    index = of.check(feature, trace)
    n_random = check_count("n_random", n_random, least=1)
    drawn = random_directions(n_random, vit.width, check_seed(seed))
    own = of.vectors(trace, torch.tensor([index]))
    logits = in_class_space(vit, torch.cat([own, drawn * own.norm()])).numpy()
    return FeatureWrites(
        title=f"{vit.name}, {of.named(index)}",
        labels=vit.labels,
        logits=logits[0],
        direction=own[0].numpy(),
        chance=float(np.quantile(np.abs(logits[1:]).max(-1), 0.95)),
    )
