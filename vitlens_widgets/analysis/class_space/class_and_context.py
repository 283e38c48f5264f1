"""Tokens that show the class against tokens that show its context, together and alone."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch

from vitlens_widgets.analysis.boxes import Boxes, boxes_of_ranks, quantile, rising_scores
from vitlens_widgets.analysis.class_space import project, published
from vitlens_widgets.analysis.class_space.permutation import shuffled_ranks_p
from vitlens_widgets.analysis.class_space.removal import check_removable, run_kept
from vitlens_widgets.analysis.class_space.rules import Rule, check_choice, check_rule
from vitlens_widgets.analysis.class_space.token_labels import (
    MaskRule,
    check_mask_rule,
    class_tokens,
)
from vitlens_widgets.analysis.over_images import OverImages
from vitlens_widgets.analysis.stream import ExampleBatch, Totals, run, spread, tally
from vitlens_widgets.data import Dataset
from vitlens_widgets.data.frames import frame
from vitlens_widgets.errors import UsageError
from vitlens_widgets.trace import ViT
from vitlens_widgets.trace.vit import check_vit

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812
    from pandas import DataFrame
    from torch import Tensor

LABELS = ("class", "context")
"""What a token is labelled as."""


@dataclass(frozen=True, eq=False)
class ClassAndContext:
    """What `class_and_context` found.

    Attributes:
        title: The model, the number of images and where they are from.
        state_names: `["0_pre", ..., "final"]`.
        n_images: Of how many images.
        counts: How many image tokens have the true class at each rank, int64
            `[state, label, rank]`, class-labelled tokens first, ranks counted from 0.
        scores: The mean identifiability score of the tokens of each label, `[state]`, all images'
            tokens together.
        p: One-sided p that class-labelled tokens have the larger mean score, by 300 shuffles of the
            labels, float64 `[state]`. Tokens of one image are not independent, so it is smaller
            than it should be.
        together: The rate of the tokens of each label at the final state, with all tokens there.
        alone: Their rate when the tokens of the other label have been removed; empty without.
        accuracy: The model's own when only the tokens of each label are left; empty without. An
            image that has none counts where the model reads CLS.
        paper: Which of the seven models of the paper this is; "" for any other.
    """

    title: str
    state_names: list[str]
    n_images: int
    counts: np.ndarray = field(repr=False)
    scores: Mapping[str, OverImages] = field(repr=False)
    p: np.ndarray = field(repr=False)
    together: Mapping[str, OverImages] = field(repr=False)
    alone: Mapping[str, OverImages] = field(repr=False)
    accuracy: Mapping[str, OverImages] = field(repr=False)
    paper: str = ""

    def quantile(self, label: str, q: float = 0.5) -> np.ndarray:
        """The score that a share `q` of the tokens of a label lies below, float64 `[state]`.

        The smallest score with at least that share at or below it; NaN where there are no tokens.

        Raises:
            UsageError: Another label, or a share outside [0, 1].
        """
        if not 0 <= q <= 1:
            raise UsageError(f"q must be a share from 0 to 1, not {q!r}.")
        counts = self.counts[:, LABELS.index(check_choice("label", label, LABELS)), ::-1]
        return quantile(counts, rising_scores(counts.shape[1]), q)

    @property
    def published(self) -> dict[str, np.ndarray]:
        """The paper's medians for this model, `[state]` by label; NaN where not read off."""
        known, blocks = published.LABEL_MEDIANS.get(self.paper, {}), len(self.state_names) - 1
        medians = ({block: both[i] for block, both in known.items()} for i in range(len(LABELS)))
        curves = [np.append(np.nan, published.placed(one, blocks)) for one in medians]
        return dict(zip(LABELS, curves, strict=True)) if known else {}

    @property
    def boxes(self) -> dict[str, Boxes]:
        """The scores of the tokens of each label, `[state]`, for `vl.charts.boxes`."""
        both = (boxes_of_ranks(self.counts[:, i]) for i in range(len(LABELS)))
        return dict(zip(LABELS, both, strict=True))

    def table(self) -> DataFrame:
        """A row per label, at the final state: rates with all tokens, and with its own alone."""
        known = published.REMOVED.get(self.paper)
        columns: dict[str, list] = {
            "tokens": list(LABELS),
            "how many": self.counts[-1].sum(axis=1).tolist(),
        }
        found = {"rate, all tokens there": self.together, "rate, alone": self.alone}
        found["accuracy, alone"] = self.accuracy
        for i, (name, values) in enumerate(found.items()):
            if values:
                columns[name] = [float(values[label].mean) for label in LABELS]
                columns[f"± ({name})"] = [float(values[label].half) for label in LABELS]
            if known and i < 2:
                columns[f"{name}, {published.SOURCE}"] = [known[label][i] for label in LABELS]
        return frame(columns, self.title)

    def evolution(self) -> DataFrame:
        """A row per state: means and quartiles of the scores of each label, their difference, p."""
        columns: dict[str, list] = {"state": self.state_names}
        for label in LABELS:
            columns[f"{label}, mean"] = self.scores[label].mean.tolist()
            columns[f"± ({label})"] = self.scores[label].half.tolist()
            for q, name in ((0.25, "lower quartile"), (0.5, "median"), (0.75, "upper quartile")):
                columns[f"{label}, {name}"] = self.quantile(label, q).tolist()
            if label in self.published:
                known = published.listed(self.published[label])
                columns[f"{label}, median, {published.SOURCE}"] = known
        means = [self.scores[label].mean for label in LABELS]
        columns |= {"difference": (means[0] - means[1]).tolist(), "p": self.p.tolist()}
        return frame(columns, self.title)

    def figure(self) -> Figure:
        """See `vl.charts.class_and_context`."""
        from vitlens_widgets import charts  # which knows this module

        return charts.class_and_context(self)


def class_and_context(
    vit: ViT,
    data: Dataset,
    *,
    mask_rule: MaskRule = "top left",
    remove: bool = True,
    rule: Rule = "released",
    n_images: int | None = None,
    batch_size: int = 16,
    save_to: str | os.PathLike[str] | None = None,
) -> ClassAndContext:
    """How identifiable tokens on the class are against those beside it, and each without the other.

    Image tokens are labelled by masks of the class. Their scores (see `identifiability`) are
    compared at every state; then the tokens of one label are removed from the sequence before the
    first block, and the rate of those that are left is read at the last state.

    Args:
        vit: The model.
        data: Images with classes and masks: `vl.world.Scenes()`, `vl.data.ImageNetS(folder)`.
        mask_rule: How masks become labels: `"top left"` as the authors' code has it, which takes
            no account of the model's cropping, or `"majority"` of the pixels that the model sees.
        remove: Whether to remove tokens; False leaves those two runs out.
        rule: How the rate of what is left is counted: "released" is a mean over images of the share
            of the tokens in the sequence, CLS too, so that an image without a token of the label
            counts with CLS alone; "text" takes image tokens only, all images' together, as the
            rate before removal does in both.
        n_images: How many images; None for all there are.
        batch_size: How many images the model runs together.
        save_to: A file to save to after every batch, and to go on from; see
            `vitlens_widgets.analysis.stream.run`.

    Raises:
        UsageError: No masks, a model whose tokens cannot be removed, or what `run` refuses.

    Source:
        Vilas et al. (2023), sections 4 and 5.2, and their code.

    Example:
        >>> found = vl.analysis.class_and_context(vit, vl.world.Scenes(), n_images=200)
        >>> found.table(), found.evolution()
    """
    check_vit(vit, "class_and_context")
    experiment = _LabelMeasure(vit, mask_rule, remove, rule)
    words = {"n_images": n_images, "batch_size": batch_size, "save_to": save_to}
    return experiment.result(run(experiment, vit, data, **words))


class _LabelMeasure:
    """See `vitlens_widgets.analysis.stream.BatchMeasure`."""

    name = "class and context"
    usual: ClassVar = {"rule": "released", "mask_rule": "top left"}
    needs_masks = True

    def __init__(self, vit: ViT, mask_rule: MaskRule, remove: bool, rule: Rule) -> None:
        self._vit, self._remove, self._released = vit, remove, check_rule(rule) == "released"
        self._mask_rule = check_mask_rule(mask_rule)
        if remove:
            check_removable(vit)
        self.settings = {"mask_rule": mask_rule, "remove": remove, "rule": rule}

    def measure(self, batch: ExampleBatch) -> dict[str, np.ndarray]:
        """What a batch adds to counts, mean scores and rates."""
        vit = self._vit
        states = vit.trace(batch.pixels, preprocessed=True).states
        read = [project.tokens(vit, state, batch.classes).rank for state in states]
        ranks = torch.stack(read, dim=1)[..., vit.layout.patches].numpy()  # [image, state, patch]
        on_class = class_tokens(vit, batch.masks, self._mask_rule)
        found = {"counts": self._counts(ranks, on_class)}
        for label, mine in zip(LABELS, (on_class, ~on_class), strict=True):
            found |= self._of_label(label, ranks, mine)
            if self._remove:
                found |= self._alone(label, states[0], mine, batch.classes)
        return found

    def result(self, done: Totals) -> ClassAndContext:
        """What it all says."""
        sums = done.tallies
        scores, together, alone, accuracy = (
            {label: spread(sums[f"{name} {label}"]) for label in LABELS}
            if f"{name} class" in sums
            else {}
            for name in ("score", "together", "alone", "accuracy")
        )
        return ClassAndContext(
            title=done.title,
            state_names=self._vit.state_names,
            n_images=done.n_images,
            counts=sums["counts"],
            scores=scores,
            p=np.array([shuffled_ranks_p(one) for one in sums["counts"]]),
            together=together,
            alone=alone,
            accuracy=accuracy,
            paper=self._vit.paper,
        )

    def _counts(self, ranks: np.ndarray, on_class: np.ndarray) -> np.ndarray:
        """`[state, label, rank]`."""
        n_classes = len(self._vit.labels)
        by_state = ranks.swapaxes(0, 1)
        return np.stack(
            [
                [np.bincount(one[mine], minlength=n_classes) for mine in (on_class, ~on_class)]
                for one in by_state
            ]
        )

    def _of_label(self, label: str, ranks: np.ndarray, mine: np.ndarray) -> dict[str, np.ndarray]:
        """Mean score at every state and rate at the last, all images' tokens together."""
        scores = np.where(mine[:, None], 1 - ranks / len(self._vit.labels), 0).sum(-1)
        n = mine.sum(-1)
        hits = ((ranks[:, -1] == 0) & mine).sum(-1)
        each = np.broadcast_to(n[:, None], scores.shape)
        return {f"score {label}": tally(scores, each), f"together {label}": tally(hits, n)}

    def _alone(
        self, label: str, state: Tensor, mine: np.ndarray, classes: Tensor
    ) -> dict[str, np.ndarray]:
        """The rate of the tokens that are left, and the model's own accuracy with them."""
        vit, n_prefix = self._vit, self._vit.layout.n_prefix
        prefix = torch.arange(n_prefix)
        kept = [torch.cat([prefix, n_prefix + torch.from_numpy(m).nonzero()[:, 0]]) for m in mine]
        left = [i for i, tokens in enumerate(kept) if len(tokens)]  # without CLS, there may be none
        last = run_kept(vit, state[left], [kept[i] for i in left])
        hits, of, right, asked = np.zeros((4, len(mine)))
        for i, one in zip(left, last, strict=True):
            true, counted = classes[i : i + 1], len(one) - (0 if self._released else n_prefix)
            if len(one) > n_prefix or _reads_cls(vit):
                right[i], asked[i] = project.readout(vit, one[None], true).rank == 0, 1
            if counted:
                first = project.tokens(vit, one[None], true).rank[0, -counted:] == 0
                hits[i], of[i] = first.sum(), counted
        if self._released:  # each image counts the same, however many tokens it has left
            hits, of = hits / np.maximum(of, 1), np.minimum(of, 1)
        return {f"alone {label}": tally(hits, of), f"accuracy {label}": tally(right, asked)}


def _reads_cls(vit: ViT) -> bool:
    """Whether the model's answer needs no image token."""
    return vit.readout.prefix_alone
