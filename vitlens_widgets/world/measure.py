"""How right a classifier of the world is, at each state, on scenes it has never seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from timm.models.vision_transformer import VisionTransformer

from ..lenses.segmentation import mean_iou, pixel_labels
from .blocks import AttentionBlock
from .labels import BACKGROUND, LABELS
from .measurement import ClassMeasurement
from .network import GRID, SERVED_PATCH, answers, normalized, tokens_before_norm
from .scene import scene
from .truth import patch_coverage, present_classes

SIDE = GRID * SERVED_PATCH
SCENES = 1000  # for each number of objects
COUNTS = (1, 2)
_CHUNK = 50  # scenes at a time


def measure(
    model: VisionTransformer, scenes: int = SCENES, first_seed: int = 0, images: int = 0
) -> ClassMeasurement:
    """Accuracy and patch IoU at each state, over held-out scenes.

    Args:
        model: A network of `make_network()`, in eval mode.
        scenes: How many scenes for each number of objects.
        first_seed: Their seeds are `first_seed`, `first_seed + 1`, ...
        images: How many scenes the model was trained on, for the record.
    """
    seeds = range(first_seed, first_seed + scenes)
    found = {count: _scores(model, count, seeds) for count in COUNTS}
    return ClassMeasurement(
        architecture=_architecture(model),
        images=images,
        scenes=scenes,
        states=(*(f"{k}_pre" for k in range(len(model.blocks))), "final"),
        accuracy={count: scores.accuracy for count, scores in found.items()},
        iou={count: scores.iou for count, scores in found.items()},
        iou_all_background={count: scores.all_background for count, scores in found.items()},
        iou_exact_shares={count: scores.exact_shares for count, scores in found.items()},
    )


class _Scores(NamedTuple):
    accuracy: tuple[float, ...]
    iou: tuple[float, ...]
    all_background: float
    exact_shares: float


@torch.inference_mode()
def _scores(model: VisionTransformer, count: int, seeds: Sequence[int]) -> _Scores:
    """The scores over the scenes of these seeds with `count` objects."""
    sums = np.zeros((2, len(model.blocks) + 1))  # accuracy and IoU, by state
    marks = np.zeros(2)
    for images, masks in _chunks(count, seeds):
        marks += _iou(_all_background(masks), masks), _iou(_shares(masks), masks)
        for state, tokens in enumerate(tokens_before_norm(model, normalized(images))):
            chances = answers(model, tokens).softmax(dim=-1)
            sums[0, state] += _right(chances[:, 0].argmax(dim=-1).numpy(), masks).sum()
            sums[1, state] += _iou(chances[:, 1:], masks)
    accuracy, iou = (tuple(np.round(row / len(seeds), 4).tolist()) for row in sums)
    return _Scores(accuracy, iou, *np.round(marks / len(seeds), 4).tolist())


def _chunks(count: int, seeds: Sequence[int]) -> Iterator[tuple[torch.Tensor, np.ndarray]]:
    """Pictures and class masks, `_CHUNK` scenes at a time."""
    for start in range(0, len(seeds), _CHUNK):
        scenes = [scene(seed, count, SIDE) for seed in seeds[start : start + _CHUNK]]
        images = torch.from_numpy(np.stack([s.image for s in scenes]))
        yield images, np.stack([s.class_mask for s in scenes])


def _iou(chances: torch.Tensor, masks: np.ndarray) -> float:
    """Sum over the scenes of the mean IoU of these patch probabilities."""
    return sum(map(mean_iou, pixel_labels(chances, (GRID, GRID), (SIDE, SIDE)), masks))


def _shares(masks: np.ndarray) -> torch.Tensor:
    """The exact share of each label in each patch, as if they were probabilities."""
    return torch.from_numpy(patch_coverage(masks, GRID))


def _all_background(masks: np.ndarray) -> torch.Tensor:
    """Probabilities that call every patch background."""
    chances = torch.zeros(len(masks), GRID**2, len(LABELS))
    chances[..., BACKGROUND] = 1
    return chances


def _right(named: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Whether each named label is a class that its mask shows; background never is."""
    present = np.pad(present_classes(masks), ((0, 0), (0, 1)))
    return present[np.arange(len(named)), named]


def _architecture(model: VisionTransformer) -> str:
    millions = sum(p.numel() for p in model.parameters()) / 1e6
    alone = isinstance(model.blocks[0], AttentionBlock)
    blocks = f"{len(model.blocks)} {'attention-only ' if alone else ''}block"
    blocks += "s" if len(model.blocks) > 1 else ""
    return (
        f"Vision transformer with a CLS token: {blocks}, {model.embed_dim} wide,"
        f" {model.blocks[0].attn.num_heads} heads, {GRID} x {GRID} patches of {SERVED_PATCH}"
        f" pixels, {len(LABELS)} outputs, {millions:.1f} million parameters"
    )
