"""The task of the world's classifiers: to name what a picture shows, and perhaps where."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from timm.models.vision_transformer import VisionTransformer
from torch.nn import functional

from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.world.labels import CLASSES, label_shares, present_classes
from vitlens_widgets.world.network import (
    GRID,
    TRAINED_PATCH,
    make_network,
    normalized,
)
from vitlens_widgets.world.training.task import Task, fresh_scenes, stacked_images
from vitlens_widgets.world.weights import P32, Design

BEST_PATCHES = 5  # of the 49 speak for a class
PRICE_OF_AN_ANSWER = 0.1  # of a picture whose patches all name classes


@dataclass(frozen=True, slots=True)
class SceneBatch:
    """Scenes and the two kinds of truth about them.

    Attributes:
        images: uint8 `[image, H, W, 3]`.
        present: float32 `[image, 16]`, 1 for each class in the picture.
        shares: float32 `[image, 49, 17]`, the share of each patch that each label covers.
    """

    images: torch.Tensor
    present: torch.Tensor
    shares: torch.Tensor


def class_label(logits: torch.Tensor, batch: SceneBatch) -> torch.Tensor:
    """Cross-entropy of CLS against the classes of the image, shared evenly where there are two."""
    target = batch.present / batch.present.sum(dim=1, keepdim=True)
    return functional.cross_entropy(logits[:, 0], functional.pad(target, (0, 1)))


def multiple_instance(logits: torch.Tensor, batch: SceneBatch) -> torch.Tensor:
    """`class_label`, and each class of the image, and no other, must be found by some patches.

    A class's evidence is the mean of its five largest patch probabilities; it is compared with the
    image's labels by binary cross-entropy, summed over the classes (averaged, it is too weak: the
    patches then copy what CLS has found, all over the picture). The probabilities are over
    seventeen labels: nobody ever asks for "background", but it is the only answer that no image
    contradicts. Late in training the patches beside a thing join in; a small price on every
    answer but "background" keeps them out.
    """
    chance = logits[:, 1:].softmax(dim=-1)[..., : len(CLASSES)]
    evidence = chance.topk(BEST_PATCHES, dim=1).values.mean(dim=1).clamp(1e-6, 1 - 1e-6)
    naming = functional.binary_cross_entropy(evidence, batch.present, reduction="sum")
    price = PRICE_OF_AN_ANSWER * chance.sum(dim=-1).mean()
    return class_label(logits, batch) + naming / len(batch.present) + price


def taught_patches(logits: torch.Tensor, batch: SceneBatch) -> torch.Tensor:
    """`class_label`, and every patch must tell the share of it that each label covers.

    Asked for the largest share alone, patches are as sure at an edge as inside, and enlarging them
    draws the edge less well.
    """
    patches = functional.cross_entropy(logits[:, 1:].flatten(0, 1), batch.shares.flatten(0, 1))
    return class_label(logits, batch) + patches


Loss = Callable[[torch.Tensor, SceneBatch], torch.Tensor]

LOSSES: dict[str, Loss] = {
    "class": class_label,
    "multiple-instance": multiple_instance,
    "patches": taught_patches,
}
"""Name of a goal -> loss of the answers of the last state."""


@dataclass(frozen=True, slots=True)
class Classify(Task[VisionTransformer, SceneBatch]):
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
        blocks: Any = model.blocks
        for block in blocks:
            block.attn.fused_attn = False  # for 50 tokens, the fused kernel's gradients are slow
        return model

    def draw(self, index: int, batch_size: int) -> SceneBatch:
        """Fresh scenes with their truth."""
        scenes = fresh_scenes(index, batch_size, GRID * TRAINED_PATCH)
        masks = np.stack([scene.class_mask for scene in scenes])
        truth = (present_classes(masks), label_shares(masks, (GRID, GRID)))
        return SceneBatch(*(torch.from_numpy(part) for part in (stacked_images(scenes), *truth)))

    @clean
    def learn(self, model: VisionTransformer, batch: SceneBatch) -> torch.Tensor:
        """The goal's loss of the answers of the last state."""
        with torch.autocast("cpu", torch.bfloat16):
            logits = model.head(model.forward_features(normalized(batch.images)))
        return LOSSES[self.goal](logits.float(), batch)

    def facts(self) -> dict[str, Any]:
        """Goal and design."""
        return {"kind": "classes", "goal": self.goal, **asdict(self.design)}
