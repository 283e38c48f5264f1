"""How right a model of the world is at each state, on scenes it has never seen, by the lenses.

Of a classifier: whether its CLS names a class of the scene, and how well its patches draw the
things. Of a masked autoencoder: the error of what it paints into hidden patches. Beside each stand
two marks to read it by, of answers that need no model.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.lenses import InfillLens, LogitLens
from vitlens_widgets.lenses.segmentation import mean_iou, pixel_labels
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.models.families.mae import MaskedAutoencoder
from vitlens_widgets.models.prompts import ReadsTexts
from vitlens_widgets.trace import ViT
from vitlens_widgets.world.decoders.served import trained_decoder
from vitlens_widgets.world.embedded import as_vit, build_from, embedded_vit
from vitlens_widgets.world.labels import BACKGROUND, LABELS, label_shares, present_classes
from vitlens_widgets.world.measure_pictures import measure_pictures
from vitlens_widgets.world.measure_texts import COUNTS, matching
from vitlens_widgets.world.measurement import (
    NORMALISED,
    PIXELS,
    ClassMeasurement,
    InfillMeasurement,
    Measurement,
)
from vitlens_widgets.world.network import STD, AttentionBlock, normalized
from vitlens_widgets.world.scene import Scene, scene
from vitlens_widgets.world.weights import DECODER_KINDS, name_of_weights, read_facts

SCENES = 1000  # for each number of objects
JUDGE = "toy/p32-taught"  # of decoded pictures
_CHUNK = 50  # scenes at a time


def measure(vit: ViT, scenes: int = SCENES, first_seed: int = 0, images: int = 0) -> Measurement:
    """The scores at each state over held-out scenes, which depend on the seeds alone.

    Args:
        vit: A classifier with the world's labels, a masked autoencoder of its pictures, or a
            model of its pictures and captions.
        scenes: How many scenes for each number of objects.
        first_seed: Their seeds are `first_seed`, `first_seed + 1`, ...
        images: How many scenes the model was trained on, for the record.
    """
    if isinstance(vit.adapter, ReadsTexts):
        kind = matching
    else:
        kind = _painting if isinstance(vit.adapter, MaskedAutoencoder) else _naming
    seeds = range(first_seed, first_seed + scenes)
    common = {"images": images, "scenes": scenes, "states": tuple(vit.state_names)}
    return kind(vit, seeds, common)


def measure_file(weights: Path, scenes: int = SCENES) -> Measurement:
    """Measure the model of a weights file, and write the result beside it."""
    facts = read_facts(weights)
    if facts.get("kind") in DECODER_KINDS:
        measurement = _pictures_of(weights, range(scenes), facts["images"])
    else:
        measurement = measure(as_vit(build_from(weights)), scenes, images=facts["images"])
    measurement.write(weights.with_suffix(".json"))
    return measurement


def _pictures_of(weights: Path, seeds: range, images: int) -> Measurement:
    """Those of a decoder, judged by the classifier that draws best."""
    decoder = trained_decoder(weights, name_of_weights(weights))
    encoder, judge = map(embedded_vit, (decoder.reads.encoder, JUDGE))
    return measure_pictures(decoder, encoder, judge, seeds, images)


def _drawn(vit: ViT, count: int, seeds: range) -> Iterator[list[Scene]]:
    """Scenes of the model's size with `count` objects, `_CHUNK` at a time."""
    for start in range(0, len(seeds), _CHUNK):
        yield [scene(seed, count, vit.image_size) for seed in seeds[start : start + _CHUNK]]


def _pictures(scenes: list[Scene]) -> np.ndarray:
    return np.stack([scene.image for scene in scenes])


# Classifiers


def _naming(vit: ViT, seeds: range, common: dict[str, Any]) -> ClassMeasurement:
    """Accuracy and patch IoU at each state."""
    scores = {count: _class_scores(vit, count, seeds) for count in COUNTS}
    return ClassMeasurement(
        architecture=_classifier_in_words(vit),
        **common,
        accuracy={count: tuple(states[0].tolist()) for count, (states, _) in scores.items()},
        iou={count: tuple(states[1].tolist()) for count, (states, _) in scores.items()},
        iou_all_background={count: float(marks[0]) for count, (_, marks) in scores.items()},
        iou_exact_shares={count: float(marks[1]) for count, (_, marks) in scores.items()},
    )


def _class_scores(vit: ViT, count: int, seeds: range) -> tuple[np.ndarray, np.ndarray]:
    """Accuracy and IoU `[2, state]`; the IoU of all background and of the exact shares."""
    lens = LogitLens(vit)
    sums, marks = np.zeros((2, vit.n_layers + 1)), np.zeros(2)
    for scenes in _drawn(vit, count, seeds):
        masks = np.stack([scene.class_mask for scene in scenes])
        marks += [_iou(vit, answer(vit, masks), masks) for answer in (_all_background, _exact)]
        reading = lens.read(vit.trace(_pictures(scenes)))
        for state in range(reading.n_states):
            chances = reading.logits(state).softmax(dim=-1)
            sums[0, state] += _right(chances[:, 0].argmax(dim=-1).numpy(), masks).sum()
            sums[1, state] += _iou(vit, chances[:, vit.layout.patches], masks)
    return np.round(sums / len(seeds), 4), np.round(marks / len(seeds), 4)


def _iou(vit: ViT, chances: Tensor, masks: np.ndarray) -> float:
    """Sum over the scenes of the mean IoU of these patch probabilities."""
    labels = pixel_labels(chances, vit.layout.grid, masks.shape[1:])
    return sum(map(mean_iou, labels, masks))


def _exact(vit: ViT, masks: np.ndarray) -> Tensor:
    """The exact share of each label in each patch, as if they were probabilities."""
    return torch.from_numpy(label_shares(masks, vit.layout.grid))


def _all_background(vit: ViT, masks: np.ndarray) -> Tensor:
    """Probabilities that call every patch background."""
    chances = torch.zeros(len(masks), vit.layout.n_patches, len(LABELS))
    chances[..., BACKGROUND] = 1
    return chances


def _right(answers: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Whether each label that was named is a class that its mask shows; background never is."""
    present = np.pad(present_classes(masks), ((0, 0), (0, 1)))
    return present[np.arange(len(answers)), answers]


def _classifier_in_words(vit: ViT) -> str:
    alone = isinstance(vit.model.blocks[0], AttentionBlock)
    blocks = f"{vit.n_layers} {'attention-only ' if alone else ''}block"
    blocks += "s" if vit.n_layers > 1 else ""
    return (
        f"Vision transformer with a CLS token: {blocks}, {vit.width} wide, {vit.n_heads} heads,"
        f" {_patches_in_words(vit)}, {len(vit.labels)} outputs, {_millions(vit)}"
    )


def _patches_in_words(vit: ViT) -> str:
    rows, cols = vit.layout.grid
    return f"{rows} x {cols} patches of {vit.patch_size[0]} pixels"


def _millions(vit: ViT) -> str:
    return f"{sum(p.numel() for p in vit.model.parameters()) / 1e6:.1f} million parameters"


# Masked autoencoders


def _painting(vit: ViT, seeds: range, common: dict[str, Any]) -> InfillMeasurement:
    """The error on hidden patches at each state, of masks that depend on the seed alone."""
    errors = {count: _infill_errors(vit, count, seeds) for count in COUNTS}
    return InfillMeasurement(
        architecture=_autoencoder_in_words(vit),
        **common,
        mask_ratio=vit.model.config.mask_ratio,
        paints=NORMALISED if _normalises(vit) else PIXELS,
        error={count: tuple(of_count[:-2]) for count, of_count in errors.items()},
        mean_colour={count: of_count[-2] for count, of_count in errors.items()},
        nearest_patch={count: of_count[-1] for count, of_count in errors.items()},
    )


@clean
@torch.no_grad()
def _infill_errors(vit: ViT, count: int, seeds: range) -> list[float]:
    """Mean squared error at each state, of the mean colour and of the nearest visible patch."""
    lens = InfillLens(vit)
    hidden = torch.stack([_hidden(vit, seed) for seed in seeds])
    sums, start = torch.zeros(vit.n_layers + 3, dtype=torch.float64), 0
    for scenes in _drawn(vit, count, seeds):
        pictures, mask = _pictures(scenes), hidden[start : start + len(scenes)]
        target, infilling = _target(vit, pictures), lens.read(pictures, mask=mask)
        painted = [torch.from_numpy(infilling.painted(state)) for state in range(len(sums) - 2)]
        painted += [_mean_colour(vit, target, ~mask), target[_nearest(vit, ~mask)]]
        errors = torch.stack([(guess - target).square().mean(dim=-1) for guess in painted])
        sums += (errors * mask).sum(dim=(1, 2)).double() / mask[0].sum()
        start += len(scenes)
    unit = 1 if _normalises(vit) else STD[0] ** 2
    return (sums * unit / len(seeds)).numpy().round(5).tolist()


def _hidden(vit: ViT, seed: int) -> Tensor:
    """What is hidden of a scene, bool `[patch]`: all patches but the first of a random order."""
    n_patches = vit.layout.n_patches
    order = np.random.default_rng(seed).random(n_patches).argsort()
    hidden = torch.ones(n_patches, dtype=torch.bool)
    hidden[order[: int(n_patches * (1 - vit.model.config.mask_ratio))]] = False
    return hidden


def _normalises(vit: ViT) -> bool:
    """Whether it was trained to paint pixels normalised per patch."""
    return isinstance(vit.adapter, MaskedAutoencoder) and vit.adapter.normalises_pixels


def _target(vit: ViT, pictures: np.ndarray) -> Tensor:
    """What should be painted, `[image, patch, value]`."""
    patches = vit.model.patchify(normalized(torch.from_numpy(pictures)))
    if not _normalises(vit):
        return patches
    var, mean = torch.var_mean(patches, dim=-1, keepdim=True)
    return (patches - mean) / (var + 1e-6).sqrt()


def _mean_colour(vit: ViT, target: Tensor, visible: Tensor) -> Tensor:
    """Every patch in the mean colour of the visible ones; normalised, any flat patch is zero."""
    if _normalises(vit):
        return torch.zeros_like(target)
    colours = torch.unflatten(target, -1, (-1, 3)).mean(dim=2)  # [image, patch, colour]
    weights = visible[..., None] / visible.sum(dim=1)[:, None, None]
    mean = (colours * weights).sum(dim=1, keepdim=True)
    return mean.repeat(1, 1, target.shape[-1] // 3).expand_as(target)


def _nearest(vit: ViT, visible: Tensor) -> tuple[Tensor, Tensor]:
    """For each patch the nearest visible one, as an index into `[image, patch]`."""
    rows, cols = (torch.arange(size) for size in (vit.layout.rows, vit.layout.cols))
    centres = torch.cartesian_prod(rows, cols).double()
    away = torch.cdist(centres, centres).expand(len(visible), -1, -1)
    nearest = away.masked_fill(~visible[:, None], torch.inf).argmin(dim=-1)
    return torch.arange(len(visible))[:, None], nearest


def _autoencoder_in_words(vit: ViT) -> str:
    config = vit.model.config
    return (
        f"Masked autoencoder: encoder of {vit.n_layers} blocks, {vit.width} wide, {vit.n_heads}"
        f" heads, with a CLS token; decoder of {config.decoder_num_hidden_layers} blocks,"
        f" {config.decoder_hidden_size} wide, {config.decoder_num_attention_heads} heads;"
        f" {_patches_in_words(vit)}, {_millions(vit)}"
    )
