"""Tokens that show the class against tokens that show its context, together and alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch

from vitlens_widgets.analysis.class_space import project
from vitlens_widgets.analysis.class_space.class_and_context_result import LABELS, ClassAndContext
from vitlens_widgets.analysis.class_space.evolution import counts_of_ranks
from vitlens_widgets.analysis.class_space.permutation import shuffled_ranks_p
from vitlens_widgets.analysis.class_space.removal import check_removable, run_kept
from vitlens_widgets.analysis.class_space.rules import Rule, check_rule
from vitlens_widgets.analysis.class_space.token_labels import (
    MaskRule,
    check_mask_rule,
    class_tokens,
)
from vitlens_widgets.analysis.experiment import Measures, over_data
from vitlens_widgets.analysis.stream import ExampleBatch, Totals, spread, tally
from vitlens_widgets.data import Dataset
from vitlens_widgets.errors import check_flag
from vitlens_widgets.trace import Trace, ViT

if TYPE_CHECKING:
    from torch import Tensor


@over_data(ClassAndContext)
def class_and_context(
    vit: ViT,
    data: Dataset,  # noqa: ARG001  # the one loop reads it
    *,
    mask_rule: MaskRule = "top_left",
    remove: bool = True,
    rule: Rule = "released",
) -> Measures[ClassAndContext]:
    """How identifiable tokens on the class are against those beside it, and each without the other.

    Image tokens are labelled by masks of the class. Their scores (see `identifiability`) are
    compared at every state; then the tokens of one label are removed from the sequence before the
    first block, and the rate of those that are left is read at the last state.

    Args:
        vit: The model.
        data: Images with classes and masks: `vl.world.Scenes()`, `vl.data.ImageNetS(folder)`.
        mask_rule: How masks become labels: `"top_left"` as the authors' code has it, which takes
            no account of the model's cropping, or `"majority"` of the pixels that the model sees.
        remove: Whether to remove tokens; False leaves those two runs out.
        rule: How the rate of what is left is counted: "released" is a mean over images of the share
            of the tokens in the sequence, CLS too, so that an image without a token of the label
            counts with CLS alone; "text" takes image tokens only, all images' together, as the
            rate before removal does in both.

    Raises:
        UsageError: No masks, a model whose tokens cannot be removed, or what `run` refuses.

    Source:
        Vilas et al. (2023), sections 4 and 5.2, and their code.

    Example:
        >>> found = vl.analysis.class_and_context(vit, vl.world.Scenes(), n_images=200)
        >>> found.table(), found.evolution()
    """
    return _LabelMeasure(vit, mask_rule, remove, rule)


class _LabelMeasure(Measures[ClassAndContext]):
    """See `vitlens_widgets.analysis.stream.BatchMeasure`."""

    name = "class and context"
    usual: ClassVar = {"rule": "released", "mask_rule": "top_left"}
    needs_masks = True

    def __init__(self, vit: ViT, mask_rule: MaskRule, remove: bool, rule: Rule) -> None:
        self._vit, self._remove = vit, check_flag("remove=", remove)
        self._released = check_rule(rule) == "released"
        self._mask_rule: MaskRule = check_mask_rule(mask_rule)
        if remove:
            check_removable(vit)
        self.settings = {"mask_rule": mask_rule, "remove": remove, "rule": rule}

    def measure(self, batch: ExampleBatch) -> dict[str, np.ndarray]:
        """What a batch adds to counts, mean scores and rates."""
        vit = self._vit
        trace = vit.trace(batch.pixels, preprocessed=True)
        read = [project.tokens(vit, state, batch.classes).rank for state in trace.states]
        ranks = torch.stack(read, dim=1)[..., vit.layout.patches].numpy()  # [image, state, patch]
        on_class = class_tokens(vit, batch.masks, self._mask_rule)
        found = {"counts": self._counts(ranks, on_class)}
        for label, mine in zip(LABELS, (on_class, ~on_class), strict=True):
            found |= self._of_label(label, ranks, mine)
            if self._remove:
                found |= self._alone(label, trace, mine, batch.classes)
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
                [counts_of_ranks(one[mine], n_classes) for mine in (on_class, ~on_class)]
                for one in by_state
            ]
        )

    def _of_label(self, label: str, ranks: np.ndarray, mine: np.ndarray) -> dict[str, np.ndarray]:
        """Mean score at every state and rate at the last, all images' tokens together."""
        scores = np.where(mine[:, None], 1 - (ranks - 1) / len(self._vit.labels), 0).sum(-1)
        n = mine.sum(-1)
        hits = ((ranks[:, -1] == 1) & mine).sum(-1)
        each = np.broadcast_to(n[:, None], scores.shape)
        return {f"score {label}": tally(scores, each), f"together {label}": tally(hits, n)}

    def _alone(
        self, label: str, trace: Trace, mine: np.ndarray, classes: Tensor
    ) -> dict[str, np.ndarray]:
        """The rate of the tokens that are left, and the model's own accuracy with them."""
        vit, n_prefix = self._vit, self._vit.layout.n_prefix
        prefix = torch.arange(n_prefix)
        kept = [torch.cat([prefix, n_prefix + torch.from_numpy(m).nonzero()[:, 0]]) for m in mine]
        left = {i: tokens for i, tokens in enumerate(kept) if len(tokens)}  # not all have a CLS
        hits, of, right, asked = np.zeros((4, len(mine)))
        for i, one in run_kept(trace, left).items():
            true, counted = classes[i : i + 1], len(one) - (0 if self._released else n_prefix)
            if len(one) > n_prefix or _reads_cls(vit):
                right[i], asked[i] = project.readout(vit, one[None], true).rank == 1, 1
            if counted:
                first = project.tokens(vit, one[None], true).rank[0, -counted:] == 1
                hits[i], of[i] = first.sum(), counted
        if self._released:  # each image counts the same, however many tokens it has left
            hits, of = hits / np.maximum(of, 1), np.minimum(of, 1)
        return {f"alone {label}": tally(hits, of), f"accuracy {label}": tally(right, asked)}


def _reads_cls(vit: ViT) -> bool:
    """Whether the model's answer needs no image token."""
    return vit.readout.prefix_alone
