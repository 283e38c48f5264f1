"""The task of the world's classifiers: to name what a picture shows, and perhaps where."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from timm.models.vision_transformer import VisionTransformer

from ..design import P32, Design
from ..measure import measure
from ..measurement import ClassMeasurement
from ..network import GRID, TRAINED_PATCH, load_served, make_network, normalized
from ..truth import patch_coverage, present_classes
from ..weights import read_facts
from . import losses
from .batches import fresh_scenes, stacked_images
from .losses import Batch
from .task import Task

Loss = Callable[[torch.Tensor, Batch], torch.Tensor]

LOSSES: dict[str, Loss] = {
    "class": losses.class_label,
    "multiple-instance": losses.multiple_instance,
    "patches": losses.taught_patches,
}
"""Name of a goal -> loss of the answers of the last state."""


@dataclass(frozen=True, slots=True)
class Classify(Task[VisionTransformer, Batch]):
    """A ViT that answers with the world's labels.

    Attributes:
        goal: The name of what it is asked, one of `LOSSES`.
        design: Its network.
    """

    goal: str
    design: Design = P32

    def make_model(self) -> VisionTransformer:
        """The network for pictures of 112 pixels a side."""
        model = make_network(TRAINED_PATCH, self.design)
        for block in model.blocks:
            block.attn.fused_attn = False  # for 50 tokens, the fused kernel's gradients are slow
        return model

    def draw(self, index: int, batch_size: int) -> Batch:
        """Fresh scenes with their truth."""
        scenes = fresh_scenes(index, batch_size, GRID * TRAINED_PATCH)
        masks = np.stack([scene.class_mask for scene in scenes])
        truth = (present_classes(masks), patch_coverage(masks, GRID))
        return Batch(*map(torch.from_numpy, (stacked_images(scenes), *truth)))

    def learn(self, model: VisionTransformer, batch: Batch) -> torch.Tensor:
        """The goal's loss of the answers of the last state."""
        with torch.autocast("cpu", torch.bfloat16):
            logits = model.head(model.forward_features(normalized(batch.images)))
        return LOSSES[self.goal](logits.float(), batch)

    def facts(self) -> dict[str, Any]:
        """Goal and design."""
        return {"kind": "classes", "goal": self.goal, **asdict(self.design)}

    def measure(self, weights: Path, scenes: int) -> ClassMeasurement:
        """Accuracy and patch IoU at each state, as served at 224 pixels a side."""
        return measure(load_served(weights), scenes, images=read_facts(weights)["images"])
