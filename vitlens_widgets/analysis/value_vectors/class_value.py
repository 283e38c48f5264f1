"""Class-value agreement: whether some memory of each block stores each class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch.nn.functional import normalize

import vitlens_widgets.charts as charts
from vitlens_widgets.analysis.boxes import Boxes, boxes_of
from vitlens_widgets.analysis.class_space import published
from vitlens_widgets.analysis.class_space.baseline import check_baseline
from vitlens_widgets.analysis.class_space.groups import grouped
from vitlens_widgets.analysis.experiment import experiment
from vitlens_widgets.analysis.over_images import OverImages, over_images
from vitlens_widgets.analysis.result import Result, check_name, mean_and_half
from vitlens_widgets.analysis.value_vectors.weights import (
    check_kind,
    class_directions,
    kinds_of,
    vectors_of,
)
from vitlens_widgets.data import LabelSet
from vitlens_widgets.data.frames import frame
from vitlens_widgets.errors import UsageError
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.trace import ViT
from vitlens_widgets.trace.sites import check_index
from vitlens_widgets.trace.vit import check_vit

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812
    from pandas import DataFrame


_FIGURES = {
    "means": "mean class-value agreement",
    "boxes": "class-value agreement of all classes",
}


class NearestVector(NamedTuple):
    """The value vector of a block that is nearest to a class, each `[block, class]`."""

    score: np.ndarray
    """The cosine of the vector and the class' direction, float32."""
    vector: np.ndarray
    """Which it is, int64."""


@dataclass(frozen=True, eq=False)
class ClassValueAgreement(Result):
    """What `class_value_agreement` found; blocks are counted from 0, in the paper from 1.

    Attributes:
        title: The model.
        labels: The class names.
        best: By kind of memory, `NearestVector`.
        baseline: The same of the model it is compared with; empty without one.
        p: By kind, one-sided p of Wilcoxon's signed-rank test over classes that scores are above
            the baseline's, float64 `[block]`; empty without a baseline.
        paper: Which of the seven models of the paper this is; "" for any other.
    """

    title: str
    labels: LabelSet
    best: Mapping[str, NearestVector] = field(repr=False)
    baseline: Mapping[str, NearestVector] = field(repr=False)
    p: Mapping[str, np.ndarray] = field(repr=False)
    paper: str = ""

    @property
    def values(self) -> dict[str, OverImages]:
        """By kind, the scores over classes, `[block]`: mean, deviation, 95 % interval."""
        return _over_classes(self.best)

    @property
    def baseline_values(self) -> dict[str, OverImages]:
        """The same of the baseline."""
        return _over_classes(self.baseline)

    @property
    def boxes(self) -> dict[str, Boxes]:
        """By kind, all classes' scores, `[block]`, for `figure("boxes")`; and the baseline's."""
        both = {"": self.best, ", baseline": self.baseline}
        return {k + of: boxes_of(one.score) for of, best in both.items() for k, one in best.items()}

    @property
    def n_blocks(self) -> int:
        """How many blocks the model has."""
        return len(next(iter(self.best.values())).score)

    @property
    def published(self) -> dict[str, float]:
        """The paper's mean for this model: MLP, its largest; attention, of the last block.

        Of ViT-L/16 over pairs of blocks, as its figure has it.
        """
        return dict(published.CLASS_VALUE.get(self.paper, {}))

    def peaks(self) -> DataFrame:
        """The two values that the paper's figure shows best, and what the paper has for them."""
        groups = published.GROUPED.get(self.paper)
        means = {kind: grouped(v.mean, groups or self.n_blocks) for kind, v in self.values.items()}
        shown = {kind: mean.max() if kind == "MLP" else mean[-1] for kind, mean in means.items()}
        of = f"group of {self.n_blocks // groups} blocks" if groups else "block"
        said = {"MLP": f"MLP, {of} where it is largest", "attention": f"attention, last {of}"}
        columns: dict[str, list[Any]] = {
            "class-value agreement": [said[kind] for kind in shown],
            "measured": [float(value) for value in shown.values()],
        }
        if self.published:
            columns[published.SOURCE] = [self.published.get(kind) for kind in shown]
        return frame(columns, self.title)

    def table(self) -> DataFrame:
        """A row per block: mean scores over classes, half their 95 % interval, and the test."""
        columns: dict[str, list[Any]] = {"block": list(range(self.n_blocks))}
        baseline = self.baseline_values
        for kind, one in self.values.items():
            columns[kind] = one.mean.tolist()
            columns[f"± ({kind})"] = one.half.tolist()
            if kind in baseline:
                columns[f"{kind}, baseline"] = baseline[kind].mean.tolist()
                columns[f"p, {kind}"] = self.p[kind].tolist()
        return frame(columns, self.title)

    def classes(self, block: int, kind: str = "MLP") -> DataFrame:
        """A row per class: its score in one block, and which vector is nearest to it.

        Raises:
            UsageError: There is no such block or kind of memory.
        """
        if kind not in self.best:
            raise UsageError(f"There are memories of {' and '.join(self.best)}, not of {kind!r}.")
        block = check_index("block", block, self.n_blocks)
        best = self.best[kind]
        columns = {
            "class": list(self.labels),
            "score": best.score[block].tolist(),
            "vector": best.vector[block].tolist(),
        }
        return frame(columns, f"{self.title}, {kind} of block {block}")

    def summary(self) -> str:
        """The mean over classes of each kind, in the block where it is largest."""
        lines: list[str] = []
        for kind, values in self.values.items():
            block = int(values.mean.argmax())
            largest = mean_and_half(values, block)
            lines.append(f"class-value agreement, {kind}: at most {largest}, in block {block}")
        return "\n".join([self.title, *lines])

    def figure(self, name: str = "means") -> Figure:
        """How near the nearest value vector is to each class, block by block.

        A star in a kind's colour stands where its scores are above the baseline's (one-sided
        p < .05).

        Args:
            name: `"means"`: over classes, with 95 % intervals and the baseline's, or `"boxes"`: all
                classes' scores, as box plots.

        Raises:
            UsageError: Another name.
        """
        check_name(name, ("means", "boxes"))
        quantity = "class-value agreement (cosine)"
        plot = charts.figure_over_blocks(
            self.titled(_FIGURES[name]), range(self.n_blocks), quantity
        )
        drawn = self.values if name == "means" else self.boxes
        if name == "means":
            baseline = self.baseline_values.items()
            beside = {f"{kind}, baseline": one.mean.tolist() for kind, one in baseline}
            charts.with_means(plot, "block", charts.places_of(plot), self.values, beside)
        else:
            charts.with_boxes(plot, self.boxes)
        top = max(one.high.max() for one in drawn.values())
        return charts.with_stars_of_kinds(plot, self.p, top, "above the baseline")


@experiment("model")
def class_value_agreement(vit: ViT, *, baseline: ViT | None = None) -> ClassValueAgreement:
    """How near each block's nearest value vector is to each class, from the weights alone.

    A class' score in a block is the largest cosine of its direction (its row of the classifier's
    weight) with a value vector (a column of the output projection's weight). Both are normed on
    copies: the model stays as it is.

    Args:
        vit: The model.
        baseline: A model of the same shape to compare with, such as `vl.untrained(vit)`.

    Raises:
        UsageError: No classifier, or a baseline of another shape.
        UnsupportedModelError: The memories cannot be read from the weights.

    Source:
        Vilas et al. (2023), section 6.1, and their code. (Their tutorial norms the classifier's
        columns where their code and their text norm its rows.)

    Example:
        >>> vl.analysis.class_value_agreement(vit, baseline=vl.untrained(vit)).table()
    """
    check_vit(vit, "class_value_agreement")
    if baseline is not None:
        check_baseline(baseline)
    ours = {kind: _best(vit, kind) for kind in kinds_of(vit)}
    theirs: dict[str, NearestVector] = {}
    if baseline is not None:
        theirs = {kind: _best(baseline, check_kind(baseline, kind)) for kind in ours}
        shapes = ((one.n_layers, len(one.labels), one.width) for one in (vit, baseline))
        if len(set(shapes)) > 1:  # how large cosines are by chance depends on the width
            raise UsageError(
                f"baseline= must have the blocks, classes and width of the model: {vit} cannot be "
                f"compared with {baseline}."
            )
    return ClassValueAgreement(
        title=vit.name,
        labels=vit.labels,
        best=ours,
        baseline=theirs,
        p={kind: _p_above(ours[kind].score, theirs[kind].score) for kind in theirs},
        paper=vit.paper,
    )


@clean
@torch.no_grad()
def _best(vit: ViT, kind: str) -> NearestVector:
    directions = normalize(class_directions(vit), dim=1)
    found = [
        (directions @ normalize(vectors_of(vit, kind, layer), dim=0)).max(1)
        for layer in range(vit.n_layers)
    ]
    return NearestVector(*(torch.stack(parts).cpu().numpy() for parts in zip(*found, strict=True)))


def _over_classes(best: Mapping[str, NearestVector]) -> dict[str, OverImages]:
    return {kind: over_images(one.score.astype(np.float64)) for kind, one in best.items()}


def _p_above(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    from scipy.stats import wilcoxon  # a second to import, and only this needs it

    differences = ours.astype(np.float64) - theirs
    return np.array(
        [wilcoxon(d, alternative="greater").pvalue if d.any() else np.nan for d in differences]
    )
