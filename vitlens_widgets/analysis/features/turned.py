"""A feature switched off, as it is, and turned up: what the model answers then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn.functional import cosine_similarity

import vitlens_widgets.charts as charts
from vitlens_widgets.analysis.checks import check_trace, title
from vitlens_widgets.analysis.experiment import experiment
from vitlens_widgets.analysis.features.feature import FeatureSet
from vitlens_widgets.analysis.features.runs import AnswersOfRuns, TurnedRuns, puts_of
from vitlens_widgets.analysis.result import Result
from vitlens_widgets.data import LabelSet
from vitlens_widgets.data.frames import frame
from vitlens_widgets.errors import UsageError, as_list, check_number
from vitlens_widgets.models.probabilities import Kind, probabilities, word_of
from vitlens_widgets.trace import Trace
from vitlens_widgets.trace.feature_edit import Latents
from vitlens_widgets.trace.sites import check_index

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812
    from pandas import DataFrame

STRENGTHS = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)
_SHOWN = 5


@dataclass(frozen=True, eq=False)
class Turned(Result):
    """What `turned` found; the first axis is `[strength]` everywhere.

    Attributes:
        title: The model, the image and the feature.
        labels: The class names; None without a classifier.
        strengths: By what the feature was multiplied, in the order given.
        logits: The model's answers, float32 `[strength, class]`; of no classes without a
            classifier.
        top: The class that each patch answers, int64 `[strength, patch]`, patches as the layout
            has them; -1 where one was dropped.
        probability: Of that class, float32 `[strength, patch]`; NaN likewise.
        similarity: How alike what is pooled stays to what it is at strength 1: the cosine, float64
            `[strength]`.
        kind: How logits become probabilities.
    """

    title: str
    labels: LabelSet | None
    strengths: tuple[float, ...]
    logits: np.ndarray = field(repr=False)
    top: np.ndarray = field(repr=False)
    probability: np.ndarray = field(repr=False)
    similarity: np.ndarray = field(repr=False)
    kind: Kind

    @property
    def probabilities(self) -> np.ndarray:
        """The answers as probabilities, float32 `[strength, class]`."""
        return probabilities(torch.from_numpy(self.logits), self.kind).numpy()

    @property
    def distance(self) -> np.ndarray:
        """How far what is pooled goes from what it is: 1 - cosine, 0 to 2, float64 `[strength]`."""
        return (1 - self.similarity).clip(0)

    @property
    def moved(self) -> np.ndarray:
        """The classes, those whose probability moves most over the strengths first, int64."""
        p = self.probabilities
        return np.argsort(-(p.max(0) - p.min(0)), kind="stable")

    def table(self) -> DataFrame:
        """A row per strength: the answer with its probability, and the patches that answer it."""
        columns: dict[str, list[Any]] = {"strength": list(self.strengths)}
        if self.labels is not None:
            best, p = self.logits.argmax(-1), self.probabilities
            columns["answer"] = [self.labels[int(c)] for c in best]
            columns["probability"] = p[np.arange(len(best)), best].tolist()
            columns["patches that answer it"] = (self.top == best[:, None]).sum(-1).tolist()
        columns["similarity"] = self.similarity.tolist()
        columns["distance"] = self.distance.tolist()
        return frame(columns, self.title)

    def figure(self) -> Figure:
        """The probabilities that move most, over the strengths; without classes the distance."""
        curves = {"distance": self.distance.tolist()}
        quantity, what = "cosine distance from what it is", "what is pooled"
        if self.labels is not None:
            p, quantity, what = self.probabilities, word_of(self.kind), "answers"
            curves = {self.labels[int(c)]: p[:, c].tolist() for c in self.moved[:_SHOWN]}
        names = [f"{one:g}" for one in self.strengths]
        plot = charts.figure_over_states(
            self.titled(f"{what} as a feature is turned"), names, quantity
        )
        plot.xaxis.axis_label = "strength"
        return charts.with_curves(plot, "strength", charts.places_of(plot), curves)

    def summary(self) -> str:
        """What is answered at each strength."""
        lines = [self.title]
        for at, strength in enumerate(self.strengths):
            said = f"cosine distance {self.distance[at]:.2g}"
            if self.labels is not None:
                best = int(self.logits[at].argmax())
                p = self.probabilities[at, best]
                said = f"{self.labels[best]} ({p:.3f}), {said}"
            lines.append(f"x {strength:g}: {said}")
        return "\n".join(lines)


@experiment("trace", part="features", needs_classifier=False)
def turned(
    trace: Trace,
    layer: int,
    feature: int,
    sae: Latents | None = None,
    *,
    strengths: Sequence[float] = STRENGTHS,
    image: int = 0,
) -> Turned:
    """What the model answers with a feature off, as it is, and turned up: exact runs in one batch.

    The feature is multiplied at all tokens that it is of, and all that comes after runs again.
    Strength 1 is the run itself, to the bit. Patches answer as the logit lens reads them at the
    final state.

    Args:
        trace: The run; edited, if at all, before its first block.
        layer: The block.
        feature: Which neuron of its MLP; with `sae`, which latent, whose error is kept.
        sae: A sparse autoencoder, of that block.
        strengths: By what it is multiplied.
        image: Which image.

    Raises:
        UsageError: No such block, feature or image, no strength, an autoencoder of another model,
            or a trace with other edits.
        UnsupportedModelError: The model cannot run with other values in a batch.

    Example:
        >>> vl.analysis.features.turned(trace, 4, 17).table()
    """
    of = FeatureSet(check_trace(trace).vit, layer, sae)
    index, image = of.check(feature, trace), check_index("image", image, trace.n_images)
    listed = as_list("strengths=", strengths, "[0, 1, 4]")
    if not listed:
        raise UsageError("strengths= takes by what the feature is multiplied, such as [0, 1, 4].")
    factors = [check_number("A strength", one) for one in listed]
    runs = TurnedRuns(trace)
    found, own = runs.answers(puts_of(trace, of, index, factors, image)), runs.own
    intact = own.features[image].double()
    return Turned(
        title=f"{title(trace, [image])}, {of.named(index)}",
        labels=trace.vit.labels if trace.vit.adapter.has_classifier else None,
        strengths=tuple(factors),
        logits=found.logits.float().numpy(),
        similarity=cosine_similarity(found.features.double(), intact[None], dim=-1).numpy(),
        kind=trace.vit.probabilities if trace.vit.adapter.has_classifier else "softmax",
        **_of_patches(trace, found),
    )


def _of_patches(trace: Trace, found: AnswersOfRuns) -> dict[str, np.ndarray]:
    """What patches answer, where each stands in the layout."""
    n = trace.layout.n_prefix
    shape = (len(found.top), trace.layout.n_tokens - n)
    top, probability = np.full(shape, -1, np.int64), np.full(shape, np.nan, np.float32)
    if found.top.shape[1]:
        at = (trace.tokens[trace.tokens >= n] - n).cpu().numpy()
        top[:, at], probability[:, at] = found.top.numpy(), found.probability.float().numpy()
    return {"top": top, "probability": probability}
