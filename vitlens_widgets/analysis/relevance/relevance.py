"""`relevance`: which tokens speak for a class, by any method."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

import vitlens_widgets.charts as charts
from vitlens_widgets.analysis.checks import check_trace, logits_of
from vitlens_widgets.analysis.experiment import experiment
from vitlens_widgets.analysis.relevance.methods import (
    Method,
    asks_for_classes,
    label_of,
    method_of,
    parts_of,
)
from vitlens_widgets.analysis.result import Result
from vitlens_widgets.data import LabelSet
from vitlens_widgets.data.frames import frame
from vitlens_widgets.errors import UsageError
from vitlens_widgets.lenses.lens import check_classifier
from vitlens_widgets.models import TokenLayout
from vitlens_widgets.trace import Trace
from vitlens_widgets.trace.sites import check_index

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812
    from pandas import DataFrame

Target = int | str | Sequence[int | str] | None
"""A class by index or name, one for each image, or None for the model's own answer."""


@dataclass(frozen=True, eq=False)
class Relevance(Result):
    """How much each token speaks for a class; larger is more.

    Only differences within one map mean something: methods have units of their own.

    Attributes:
        title: The model and the method.
        method: The method's name, an identifier.
        labels: The class names.
        target: The class that was asked about, int64 `[image]`; -1 of a model without any.
        layout: The token layout.
        token_index: Which tokens of the layout were in the sequence, int64 `[token]`.
        tokens: Over all blocks and heads, float32 `[image, token]`.
        heads: In each head, float32 `[image, layer, head, token]`; None where a method says
            nothing of heads.
        method_label: What the method is called for people.
    """

    title: str
    method: str
    labels: LabelSet
    target: np.ndarray
    layout: TokenLayout
    token_index: np.ndarray = field(repr=False)
    tokens: np.ndarray = field(repr=False)
    heads: np.ndarray | None = field(repr=False)
    method_label: str = ""

    @property
    def n_images(self) -> int:
        """How many images."""
        return len(self.target)

    def patches(
        self, image: int = 0, layer: int | None = None, head: int | None = None
    ) -> np.ndarray:
        """One map on the image, float32 `[row, col]`; NaN where a patch was dropped.

        Args:
            image: Which image.
            layer: One block; None for the map over all blocks and heads.
            head: One head of that block; None for the sum of its heads.

        Raises:
            UsageError: An image, block or head out of range, a head without a block, or a method
                that says nothing of heads.
        """
        check_index("image", image, self.n_images)
        if layer is None and head is not None:
            raise UsageError("A head is chosen in a block: give layer= too.")
        values = self.tokens[image] if layer is None else self._of_heads(image, layer, head)
        every = np.full(self.layout.n_tokens, np.nan, np.float32)
        every[self.token_index] = values
        return self.layout.to_grid(every[self.layout.patches])

    def table(self, image: int = 0) -> DataFrame:
        """A row per token: what stands there and its relevance; the most relevant stands first.

        Raises:
            UsageError: There is no such image.
        """
        values = self.tokens[check_index("image", image, self.n_images)]
        order = np.argsort(-values, kind="stable")
        columns = {
            "token": [self.layout.describe(int(self.token_index[i])) for i in order],
            "relevance": values[order].tolist(),
        }
        return frame(columns, self._of_image(image))

    def summary(self) -> str:
        """The most relevant patch of each image."""
        lines: list[str] = []
        for image in range(self.n_images):
            grid = self.patches(image)
            row, col = np.unravel_index(np.nanargmax(grid), grid.shape)
            lines.append(f"image {image}, {self._asked(image)}: most at row {row}, col {col}")
        return "\n".join([self.title, *lines])

    def figure(self, image: int = 0) -> Figure:
        """The map over all blocks and heads, in shades from its smallest to its largest number.

        Raises:
            UsageError: There is no such image.
        """
        grid = self.patches(image)  # refuses an image that is not there
        return charts.map_of_patches(
            f"Relevance of patches: {self._of_image(image)}", "relevance", grid
        )

    def _of_image(self, image: int) -> str:
        return f"{self.title}, image {image}, {self._asked(image)}"

    def _asked(self, image: int) -> str:
        return self.labels[int(self.target[image])] if self.labels else "no class"

    def _of_heads(self, image: int, layer: int, head: int | None) -> np.ndarray:
        if self.heads is None:
            raise UsageError(f'The method "{self.method}" says nothing of single heads.')
        of_layer = self.heads[image, check_index("layer", layer, self.heads.shape[1])]
        if head is None:
            return of_layer.sum(0)
        return of_layer[check_index("head", head, len(of_layer))]


@experiment("trace")
def relevance(
    trace: Trace, target: Target = None, *, method: str | Method = "class_embedding"
) -> Relevance:
    """Which tokens speak for a class, over all blocks and in each head.

    Args:
        trace: The trace, with its edits; it need not have been made with gradients.
        target: The class: a name or index, one of them for each image, or None for the model's own
            answer. Rollouts do not depend on it, and need no classifier.
        method: `"class_embedding"` (Vilas et al. 2023, as released), `"class_embedding_text"`,
            `"class_embedding_logit"`, `"chefer"`, `"gradient_rollout"` or `"rollout"`; one with
            options, such as `vl.analysis.ClassEmbedding(rule="text", of="logit")`; or any object
            that is a `vitlens_widgets.analysis.relevance.Method`.

    Raises:
        UsageError: No trace, no classifier, no such class or method, another number of classes than
            images, or a model for which the method is not defined.

    Example:
        >>> found = vl.analysis.relevance(vit.trace(image), "cat")
        >>> found.patches()                     # the map, [row, col]
        >>> found.patches(layer=7, head=0)      # of one head
    """
    check_trace(trace)
    method = method_of(method)
    if target is not None or asks_for_classes(method):
        check_classifier(trace.vit)
    classes = target_classes(trace, target)
    parts = parts_of(method, trace, classes)
    return Relevance(
        title=f"{trace.vit.name}{' (edited)' if trace.edits else ''}, {label_of(method)}",
        method=method.name,
        labels=trace.vit.labels,
        target=classes.numpy(),
        layout=trace.layout,
        token_index=trace.tokens.cpu().numpy(),
        tokens=_as_array(parts.tokens),
        heads=None if parts.heads is None else _as_array(parts.heads),
        method_label=label_of(method),
    )


def target_classes(trace: Trace, target: Target | Any) -> Tensor:
    """The class of each image, int64 `[image]`, on the CPU; -1 of a model without any.

    Raises:
        UsageError: No such class, or another number of them than images.
    """
    labels = trace.vit.labels
    if target is None and not labels:
        return torch.full((trace.n_images,), -1)
    if target is None:
        return logits_of(trace).detach().argmax(-1).cpu()
    asked: Any = target
    several = hasattr(target, "__len__") and not isinstance(target, str)
    if not several or getattr(target, "ndim", 1) == 0:
        return torch.full((trace.n_images,), labels.index(asked))
    if len(asked) != trace.n_images:
        raise UsageError(
            f"{len(asked)} classes were given for {trace.n_images} "
            f"image{'s' * (trace.n_images != 1)}: give one for each, or a single one for all."
        )
    return torch.tensor([labels.index(one) for one in asked])


def _as_array(values: Tensor) -> np.ndarray:
    return values.detach().float().cpu().numpy()
