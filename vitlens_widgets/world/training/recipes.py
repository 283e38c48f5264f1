"""The three classifiers: what they see, what they are asked for, how long they learn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from .batches import Batch
from .losses import class_label, multiple_instance, taught_patches

Loss = Callable[[torch.Tensor, Batch], torch.Tensor]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one embedded classifier is trained.

    Attributes:
        loss: What is asked of the answers of the last state.
        images: Number of scenes seen, each once.
        batch_size: Scenes per step.
        seed: Of the initial weights.
    """

    loss: Loss
    images: int
    batch_size: int = 64
    seed: int = 0

    @property
    def steps(self) -> int:
        """Number of optimiser steps: the whole batches that `images` fill, at least one."""
        return max(1, self.images // self.batch_size)


RECIPES = {
    "toy/p32": Recipe(multiple_instance, images=80_000),
    "toy/p32-cls": Recipe(class_label, images=96_000),
    "toy/p32-taught": Recipe(taught_patches, images=336_000),
}
"""Model name -> its recipe."""
