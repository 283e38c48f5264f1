"""What translators of a probe are fitted by: the true class of each image."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from vitlens_widgets.lenses.fitted.affine import Translators
from vitlens_widgets.lenses.fitted.descent import gradients_of
from vitlens_widgets.lenses.fitted.kinds import spans
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.models.probabilities import log_outcomes
from vitlens_widgets.trace import ViT


class LabelledRun(NamedTuple):
    """The model's run of a batch, and what is true of it."""

    states: Tensor
    """`[state, image, token, d]`, the final one last."""
    classes: Tensor
    """Among the model's, `[image]`."""


class TrueClass(NamedTuple):
    """The objective of a probe.

    Attributes:
        vit: The model, whose norm and classifier stay as they are.
        kinds: Of token, each with a translator.
        classes: The model's class of each class of the data set.
    """

    vit: ViT
    kinds: tuple[str, ...]
    classes: tuple[int, ...]

    def run(self, pixels: Tensor, place: int, classes: Tensor) -> LabelledRun:  # noqa: ARG002
        """The states of a batch, with the classes."""
        states = self.vit.trace(pixels, preprocessed=True).states
        own = torch.tensor(self.classes)[classes]
        return LabelledRun(states, own.to(states.device))

    def states(self, run: LabelledRun) -> Tensor:
        """See `Objective.states`."""
        return run.states

    def becomes(self, run: LabelledRun) -> Tensor:
        """Each token's own final state, as for a tuned lens: from there the truth is gone after."""
        return run.states[-1]

    @clean
    def gradients(self, run: LabelledRun, translators: Translators) -> tuple[Translators, Tensor]:
        """Of minus the log-probability of the true class, and of no other where each stands alone.

        Returns:
            The gradients, as the translators; and by state the mean over images in nats.
        """
        kind = self.vit.probabilities
        true = torch.nn.functional.one_hot(run.classes, len(self.vit.labels)).float()
        outcomes = torch.cat([true, 1 - true], -1) if kind == "sigmoid" else true

        def value(moved: Tensor) -> Tensor:
            logits = self.vit.adapter.readout_logits(moved.to(run.states)).float()
            return -(outcomes * log_outcomes(logits, kind)).sum(-1).mean()

        return gradients_of(value, run.states, list(spans(self.vit, self.kinds)), translators)
