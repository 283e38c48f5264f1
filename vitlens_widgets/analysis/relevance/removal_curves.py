"""How the answer about single images goes as their patches are removed."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

import vitlens_widgets.charts as charts
from vitlens_widgets.analysis.checks import check_trace, logits_of
from vitlens_widgets.analysis.class_space.removal import check_removable
from vitlens_widgets.analysis.experiment import experiment
from vitlens_widgets.analysis.relevance.perturbation_result import ALONG
from vitlens_widgets.analysis.relevance.relevance import Relevance
from vitlens_widgets.analysis.relevance.removal import (
    answers_of_kept,
    counts_of,
    most_relevant_first,
    random_orders,
)
from vitlens_widgets.analysis.result import Result
from vitlens_widgets.data import LabelSet
from vitlens_widgets.data.frames import frame
from vitlens_widgets.errors import UsageError
from vitlens_widgets.lenses.lens import check_classifier
from vitlens_widgets.models.probabilities import Kind, probabilities, word_of
from vitlens_widgets.models.vit import BaseViT
from vitlens_widgets.trace import Trace
from vitlens_widgets.trace.sites import check_index

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812
    from pandas import DataFrame

KINDS = {
    "negative": "the least relevant patches are removed first",
    "positive": "the most relevant patches are removed first",
}
"""In which order patches are removed. A good map keeps the first curve up and brings the second
down."""


@dataclass(frozen=True, eq=False)
class RemovalCurves(Result):
    """What `removal_curves` found, with patches removed one after the other.

    Attributes:
        title: The model and the method.
        labels: The class names.
        target: The class that the relevance is about, int64 `[image]`.
        removed: The share of the patches that is gone, float64 `[point]`; 0 comes first.
        probability: Of that class, by "negative", "positive" and "random" (the mean over orders),
            float32 `[image, point]`.
        answers: The model's answer, by "negative" and "positive", int64 `[image, point]`.
        kind: Of the probability: "softmax" or "sigmoid".
    """

    title: str
    labels: LabelSet
    target: np.ndarray
    removed: np.ndarray = field(repr=False)
    probability: Mapping[str, np.ndarray] = field(repr=False)
    answers: Mapping[str, np.ndarray] = field(repr=False)
    kind: Kind = "softmax"

    def table(self, image: int = 0) -> DataFrame:
        """A row per point of one image.

        Raises:
            UsageError: There is no such image.
        """
        check_index("image", image, len(self.target))
        columns: dict[str, list[Any]] = {"removed": self.removed.tolist()}
        for kind, values in self.probability.items():
            columns[f"{word_of(self.kind)}, {kind}"] = values[image].tolist()
        for kind, values in self.answers.items():
            columns[f"answer, {kind}"] = [self.labels[int(index)] for index in values[image]]
        return frame(columns, f"{self.title}, {self.labels[int(self.target[image])]}")

    def summary(self) -> str:
        """The mean probability along each curve, image by image."""
        lines: list[str] = []
        for image, index in enumerate(self.target):
            means = (f"{kind} {one[image].mean():.3f}" for kind, one in self.probability.items())
            lines.append(f"image {image}, {self.labels[int(index)]}: {', '.join(means)}")
        return "\n".join([f"{self.title}: mean {word_of(self.kind)}", *lines])

    def figure(self, image: int = 0) -> Figure:
        """The probability of the class over the share of one image's patches that is gone.

        Raises:
            UsageError: There is no such image.
        """
        check_index("image", image, len(self.target))
        label = self.labels[int(self.target[image])]
        plot = charts.figure_over_shares(
            f"{self.titled(f'{word_of(self.kind)} as patches are removed')}, image {image}",
            ALONG,
            f"{word_of(self.kind)} of {label}",
        )
        curves = {kind: values[image].tolist() for kind, values in self.probability.items()}
        return charts.with_curves(plot, ALONG, self.removed.tolist(), curves)


@experiment("trace")
def removal_curves(
    trace: Trace, relevance: Relevance, *, n_points: int | None = None, n_random: int = 10
) -> RemovalCurves:
    """Remove the patches of each image by their relevance, and ask the model at every point.

    Args:
        trace: The trace that the relevance is of, of the whole sequence and without edits.
        relevance: What `vl.analysis.relevance` found.
        n_points: At how many numbers of removed patches, spread evenly; None for all.
        n_random: In how many random orders patches are removed for comparison; 0 for none.

    Raises:
        UsageError: A trace with edits, relevance of other images, or a model without a classifier
            or whose tokens cannot be removed.

    Example:
        >>> trace = vit.trace(image)
        >>> vl.analysis.removal_curves(trace, vl.analysis.relevance(trace, "cat")).figure()
    """
    _check(trace, relevance)
    images = range(trace.n_images)
    *_, whole = _growing(trace, relevance, list(images), n_points, n_random)
    return whole


def growing_removal_curves(
    trace: Trace,
    relevance: Relevance,
    image: int,
    *,
    n_points: int | None = None,
    n_random: int = 10,
) -> Iterator[RemovalCurves]:
    """The curves of one image of a trace as they grow, so that they can be shown meanwhile.

    Args:
        trace: As for `removal_curves`.
        relevance: As for `removal_curves`.
        image: Which image.
        n_points: As for `removal_curves`.
        n_random: As for `removal_curves`.

    Yields:
        The curves up to one point more each time, from the whole image on; the last ones are those
        of `removal_curves`.

    Raises:
        UsageError: As `removal_curves`, or there is no such image.
    """
    _check(trace, relevance)
    images = [check_index("image", image, trace.n_images)]
    return _growing(trace, relevance, images, n_points, n_random)


def removal_shares(n_patches: int, n_points: int | None) -> np.ndarray:
    """The shares of the patches that are gone along a curve, 0 first, float64 `[point]`.

    Raises:
        UsageError: More points than there are numbers of removed patches.
    """
    return 1 - np.array([n_patches, *counts_of(n_patches, n_points)]) / n_patches


def _growing(
    trace: Trace, relevance: Relevance, images: list[int], n_points: int | None, n_random: int
) -> Iterator[RemovalCurves]:
    vit, n_patches = trace.vit, trace.layout.n_patches
    counts, removed = counts_of(n_patches, n_points), removal_shares(n_patches, n_points)
    patches = torch.from_numpy(relevance.tokens)[images][:, trace.layout.patches]
    falling = most_relevant_first(patches)
    others = random_orders(n_patches, n_random)
    orders = torch.cat([torch.stack([falling, falling.flip(-1)]), _of_all(others, len(images))])
    whole = logits_of(trace)[images].detach().float().cpu().expand(len(orders), -1, -1)
    found = answers_of_kept(trace, orders, counts, images)
    classes = relevance.target[images]
    answers: list[torch.Tensor] = []
    probability: list[torch.Tensor] = []
    for logits in itertools.chain([whole], found):
        answers.append(logits[: len(KINDS)].argmax(-1))
        probability.append(_of_class(logits, classes, vit.probabilities))
        yield _curves(vit, relevance, images, removed, answers, probability)


def _curves(
    vit: BaseViT, relevance: Relevance, images: list[int], removed: np.ndarray,
    answers: list[torch.Tensor], probability: list[torch.Tensor],
) -> RemovalCurves:  # fmt: skip
    """What is there so far, of the first of all points."""
    every = torch.stack(probability, dim=-1)
    curves = dict(zip(KINDS, every[: len(KINDS)].numpy(), strict=True))
    if len(every) > len(KINDS):
        curves["random"] = every[len(KINDS) :].mean(0).numpy()
    return RemovalCurves(
        title=relevance.title,
        labels=vit.labels,
        target=relevance.target[images],
        removed=removed[: len(answers)],
        probability=curves,
        answers=dict(zip(KINDS, torch.stack(answers, dim=-1).numpy(), strict=True)),
        kind=vit.probabilities,
    )


def _of_all(orders: torch.Tensor, n_images: int) -> torch.Tensor:
    """`[order, patch]` to `[order, image, patch]`."""
    return orders[:, None].expand(-1, n_images, -1)


def _of_class(logits: torch.Tensor, classes: np.ndarray, kind: Kind) -> torch.Tensor:
    """The probability of one class of each image, `[order, image]`."""
    index = torch.from_numpy(classes).expand(len(logits), -1)[..., None]
    return probabilities(logits, kind).gather(-1, index)[..., 0]


def _check(trace: Trace, relevance: Relevance) -> None:
    check_trace(trace)
    check_classifier(trace.vit)
    check_removable(trace.vit)
    if trace.edits:
        raise UsageError(
            "Patches are removed from the model as it is; trace the images without edits."
        )
    if not isinstance(relevance, Relevance):
        raise UsageError(
            f"relevance= takes what vl.analysis.relevance(trace, ...) gives, not "
            f"{type(relevance).__name__}."
        )
    expected = (trace.n_images, trace.layout.n_tokens)
    if relevance.tokens.shape != expected:
        raise UsageError(
            f"The relevance is of {relevance.tokens.shape[0]} images with "
            f"{relevance.tokens.shape[1]} tokens, the trace of {expected[0]} with {expected[1]}."
        )
