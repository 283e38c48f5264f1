"""What is left of a model's answer on a few images held out, while an SAE of it is trained."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from vitlens_widgets.features.base import BaseSAE
from vitlens_widgets.features.measured import share_recovered
from vitlens_widgets.features.splice import spliced
from vitlens_widgets.features.training.plan import SAEPlan
from vitlens_widgets.lenses import statistics
from vitlens_widgets.lenses.fitted.split import HeldOutSplit
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.trace import Trace, ViT
from vitlens_widgets.trace.edits import Edit, Replace
from vitlens_widgets.trace.feature_edit import applied_tokens

N_IMAGES = 8
EVERY, MOST = 100, 20
"""A check costs about as much as two steps: one in 100 steps, and 20 of a training, at most."""


class Checked(NamedTuple):
    """What a check has found.

    Attributes:
        step: After how many steps.
        recovered: The share of the answer that is kept; see `SAEWorth.recovered`.
    """

    step: int
    recovered: float


class Checks:
    """Now and then, what the model answers with the reconstruction in place.

    When and on which images depends on the plan alone, so that a training that goes on checks what
    it would have checked. The images run once; a check runs the blocks from the SAE's own on.

    Args:
        vit: The model, which has a classifier.
        split: The images; some of those held out are looked at.
        plan: How the SAE is trained.
    """

    def __init__(self, vit: ViT, split: HeldOutSplit, plan: SAEPlan) -> None:
        self._vit, self._split, self._plan = vit, split, plan
        self._every = max(EVERY, -(-plan.steps // MOST))

    def is_due(self, done: int) -> bool:
        """Whether there is a check after so many steps; there is one at the end."""
        return done % self._every == 0 or done == self._plan.steps

    @property
    def n_images(self) -> int:
        """On how many images."""
        return self._trace.n_images

    @clean
    @torch.no_grad()
    def recovered(self, sae: BaseSAE) -> float:
        """The share of the answer that an SAE keeps."""
        edit = spliced(sae, self._vit)
        return share_recovered(self._divergence(edit), self._of_mean)

    @cached_property
    def _of_mean(self) -> Tensor:
        """The divergence with the mean token in place of each, `[image]`."""
        plan = self._plan
        at = applied_tokens(self._vit, self._vit.adapter.layout(), plan.tokens)
        x = self._trace[plan.site, plan.layer][:, at.to(self._vit.device)].flatten(0, 1)
        return self._divergence(Replace(plan.site, plan.layer, token=at, by=x.mean(0)))

    def _divergence(self, edit: Edit) -> Tensor:
        """KL in nats of the model's answer from that under the edit, `[image]`."""
        logits, edited = self._trace.logits, self._trace.rerun([edit]).logits
        assert logits is not None and edited is not None  # noqa: PT018, S101  # a classifier
        return statistics.kl_divergence(logits.float(), edited.float(), self._vit.probabilities)

    @cached_property
    def _trace(self) -> Trace:
        """Images drawn evenly from those held out, as many as run together, but `N_IMAGES`."""
        held_out = self._split.held_out
        numbers = held_out[:: max(1, len(held_out) // N_IMAGES)][:N_IMAGES]
        batch = next(iter(self._split.batches(self._vit, numbers, N_IMAGES)))
        return self._vit.trace(batch.pixels, preprocessed=True)
