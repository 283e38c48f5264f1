"""Measure a classifier on scenes it has never seen: `python -m vitlens_widgets.world.evaluate`.

Without a name it measures every embedded model. It writes what it finds beside the weights, where
the model card reads it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors import safe_open
from timm.models.vision_transformer import VisionTransformer
from tqdm import tqdm

from ..errors import quoted_list
from .cards import WEIGHTS, Measurement, measurement_file, read_card, weights_file
from .labels import BACKGROUND, LABELS
from .metrics import mean_iou, pixel_labels
from .network import GRID, SERVED_PATCH, answers, load_served, normalized, tokens_before_norm
from .scene import scene
from .training.batches import patch_coverage, present_classes
from .training.recipes import RECIPES

SIDE = GRID * SERVED_PATCH
SCENES = 1000  # for each number of objects
COUNTS = (1, 2)
_CHUNK = 50  # scenes at a time


def measure(
    model: VisionTransformer, scenes: int = SCENES, first_seed: int = 0, images: int = 0
) -> Measurement:
    """Accuracy and patch IoU at each state, over held-out scenes.

    Args:
        model: A network of `make_network()`, in eval mode.
        scenes: How many scenes for each number of objects.
        first_seed: Their seeds are `first_seed`, `first_seed + 1`, ...
        images: How many scenes the model was trained on, for the record.
    """
    seeds = range(first_seed, first_seed + scenes)
    found = {count: _scores(model, count, seeds) for count in COUNTS}
    return Measurement(
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
    return torch.from_numpy(patch_coverage(masks))


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
    return (
        f"Vision transformer with a CLS token: {len(model.blocks)} blocks, {model.embed_dim} wide,"
        f" {model.blocks[0].attn.num_heads} heads, {GRID} x {GRID} patches of {SERVED_PATCH}"
        f" pixels, {len(LABELS)} outputs, {millions:.1f} million parameters"
    )


def evaluate(name: str, folder: Path = WEIGHTS, scenes: int = SCENES) -> Measurement:
    """Measure the weights of `name` in `folder` and write the result beside them."""
    path = weights_file(name, folder)
    with safe_open(path, framework="pt") as file:
        images = int(file.metadata()["images"])
    found = measure(load_served(path), scenes, images=images)
    measurement_file(name, folder).write_text(json.dumps(asdict(found), indent=1) + "\n")
    return found


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m vitlens_widgets.world.evaluate")
    parser.add_argument("names", nargs="*", help="embedded models; all without any")
    parser.add_argument("--folder", type=Path, default=WEIGHTS, help="where the weights lie")
    parser.add_argument("--scenes", type=int, default=SCENES, help="for each number of objects")
    given = parser.parse_args(arguments)
    if unknown := [name for name in given.names if name not in RECIPES]:
        parser.error(f"no embedded model {quoted_list(unknown)}; there are {quoted_list(RECIPES)}")
    for name in tqdm(given.names or RECIPES, desc="models"):
        evaluate(name, given.folder, given.scenes)
        print(read_card(name, given.folder))


if __name__ == "__main__":
    main()
