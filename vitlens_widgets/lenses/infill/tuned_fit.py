"""What translators of an infill lens are fitted by: the decoder's pixels on hidden patches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.lenses.fitted.affine import Translators
from vitlens_widgets.lenses.fitted.descent import gradients_of
from vitlens_widgets.lenses.fitted.kinds import spans
from vitlens_widgets.lenses.fitted.training import FitPlan
from vitlens_widgets.lenses.infill.lens import encoded_states
from vitlens_widgets.lenses.infill.masks import random_mask
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.models.families.mae import MaskedAutoencoder
from vitlens_widgets.trace import ViT


@dataclass(frozen=True)
class InfillPlan(FitPlan):
    """How translators of an infill lens are fitted; see `TunedInfillLens.fit`."""

    mask_ratio: float
    norm: bool


class HiddenRun(NamedTuple):
    """The encoder's run of a batch of which some is hidden."""

    states: Tensor
    """Of CLS and the visible patches, `[state, image, token, d]`."""
    restore: Tensor
    """See `MaskedAutoencoder.paint`."""
    mask: Tensor
    """What is hidden, bool `[image, patch]`, where the states are."""


class HiddenPixels(NamedTuple):
    """What translators of an infill lens are fitted by.

    Attributes:
        vit: The model, whose norm and decoder stay as they are.
        adapter: How its parts are found.
        plan: Kinds of token, masks, and whether the norm comes before the decoder.
    """

    vit: ViT
    adapter: MaskedAutoencoder
    plan: InfillPlan

    @clean
    @torch.no_grad()
    def run(self, pixels: Tensor, place: int, classes: Tensor | None = None) -> HiddenRun:  # noqa: ARG002
        """The states of a batch, under masks that depend on its place among all that are run."""
        both = np.random.SeedSequence((self.plan.seed, place)).generate_state(1)
        n_patches = self.vit.layout.n_patches
        mask = random_mask(self.plan.mask_ratio, int(both[0]), len(pixels), n_patches)
        states, restore = encoded_states(self.adapter, pixels, mask)
        return HiddenRun(torch.stack(states), restore, mask.to(pixels.device))

    def states(self, run: HiddenRun) -> Tensor:
        """Of CLS and the visible patches, `[state, image, token, d]`."""
        return run.states

    def becomes(self, run: HiddenRun) -> Tensor:
        """Each token's own final state."""
        return run.states[-1]

    @clean
    def gradients(self, run: HiddenRun, translators: Translators) -> tuple[Translators, Tensor]:
        """Of the share of the final painting's variance that each state's painting misses.

        Returns:
            The gradients, as the translators; and by state the squared difference from what is
            painted from the last state, over hidden patches, over the variance of that.
        """
        with torch.no_grad():
            final = self._hidden(run.states[-1], run)
            variance = final.var(unbiased=False)

        def value(moved: Tensor) -> Tensor:
            return (self._hidden(moved.to(run.states), run) - final).square().mean() / variance

        where = list(spans(self.vit, self.plan.kinds))
        return gradients_of(value, run.states, where, translators)

    def _hidden(self, state: Tensor, run: HiddenRun) -> Tensor:
        """What is painted into the hidden patches, `[hidden patch, value]`."""
        painted = self.adapter.paint(state, run.restore, norm=self.plan.norm)[run.mask]
        return painted.to(torch.promote_types(painted.dtype, torch.float32))
