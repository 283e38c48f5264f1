"""What each recipe asks of the network's answers.

All take the answers of the last state, `logits` float `[image, 1 + 49, 17]` (the CLS token first),
and a `Batch`, and return a scalar.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional

from ..labels import CLASSES

BEST_PATCHES = 5  # of the 49 speak for a class
PRICE_OF_AN_ANSWER = 0.1  # of a picture whose patches all name classes


@dataclass(frozen=True, slots=True)
class Batch:
    """Scenes and the two kinds of truth about them.

    Attributes:
        images: uint8 `[image, H, W, 3]`.
        present: float32 `[image, 16]`, 1 for each class in the picture.
        shares: float32 `[image, 49, 17]`, the share of each patch that each label covers.
    """

    images: torch.Tensor
    present: torch.Tensor
    shares: torch.Tensor


def class_label(logits: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Cross-entropy of CLS against the classes of the image, shared evenly where there are two."""
    target = batch.present / batch.present.sum(dim=1, keepdim=True)
    return functional.cross_entropy(logits[:, 0], functional.pad(target, (0, 1)))


def multiple_instance(logits: torch.Tensor, batch: Batch) -> torch.Tensor:
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
    found = functional.binary_cross_entropy(evidence, batch.present, reduction="sum")
    price = PRICE_OF_AN_ANSWER * chance.sum(dim=-1).mean()
    return class_label(logits, batch) + found / len(batch.present) + price


def taught_patches(logits: torch.Tensor, batch: Batch) -> torch.Tensor:
    """`class_label`, and every patch must tell the share of it that each label covers.

    Asked for the largest share alone, patches are as sure at an edge as inside, and enlarging them
    draws the edge less well.
    """
    patches = functional.cross_entropy(logits[:, 1:].flatten(0, 1), batch.shares.flatten(0, 1))
    return class_label(logits, batch) + patches
