"""How well a masked autoencoder of the world paints what it is not shown, at each state.

Two marks to read its error by: painting every hidden patch in the mean colour of the visible ones,
and painting it as the nearest visible patch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from transformers import ViTMAEForPreTraining

from .mae import SIDE
from .mae_measurement import NORMALISED, PIXELS, InfillMeasurement
from .network import STD, normalized
from .scene import scene

COUNTS = (1, 2)
_CHUNK = 50  # scenes at a time


def measure(
    model: ViTMAEForPreTraining, scenes: int, first_seed: int = 0, images: int = 0
) -> InfillMeasurement:
    """The errors over held-out scenes, each with a random mask that depends on its seed alone.

    Args:
        model: A masked autoencoder for pictures of the world, in eval mode.
        scenes: How many scenes for each number of objects.
        first_seed: Their seeds are `first_seed`, `first_seed + 1`, ...
        images: How many scenes the model was trained on, for the record.
    """
    seeds = range(first_seed, first_seed + scenes)
    found = {count: _errors(model, count, seeds) for count in COUNTS}
    layers = model.config.num_hidden_layers
    return InfillMeasurement(
        architecture=_architecture(model),
        images=images,
        scenes=scenes,
        mask_ratio=model.config.mask_ratio,
        paints=NORMALISED if model.config.norm_pix_loss else PIXELS,
        states=(*(f"{k}_pre" for k in range(layers)), "final"),
        error={count: tuple(errors[:-2]) for count, errors in found.items()},
        mean_colour={count: errors[-2] for count, errors in found.items()},
        nearest_patch={count: errors[-1] for count, errors in found.items()},
    )


@torch.inference_mode()
def _errors(model: ViTMAEForPreTraining, count: int, seeds: Sequence[int]) -> list[float]:
    """Mean squared error at each state, of the mean colour and of the nearest visible patch."""
    sums = torch.zeros(model.config.num_hidden_layers + 3, dtype=torch.float64)
    for pixels, noise in _chunks(model, count, seeds):
        target = _target(model, pixels)
        hidden, painted = _paint(model, pixels, noise)
        visible = hidden == 0
        painted += [_mean_colour(model, target, visible), target[_nearest(visible)]]
        errors = torch.stack([(guess - target).square().mean(dim=-1) for guess in painted])
        sums += (errors * hidden).sum(dim=(1, 2)).double() / hidden[0].sum()
    unit = 1 if model.config.norm_pix_loss else STD[0] ** 2
    return (sums * unit / len(seeds)).numpy().round(5).tolist()


def _chunks(
    model: ViTMAEForPreTraining, count: int, seeds: Sequence[int]
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Pixels, and the noise whose order says what is hidden; `_CHUNK` scenes at a time."""
    patches = model.vit.embeddings.patch_embeddings.num_patches
    for start in range(0, len(seeds), _CHUNK):
        chunk = seeds[start : start + _CHUNK]
        images = np.stack([scene(seed, count, SIDE).image for seed in chunk])
        noise = np.stack([np.random.default_rng(seed).random(patches) for seed in chunk])
        yield normalized(torch.from_numpy(images)), torch.from_numpy(noise)


def _paint(
    model: ViTMAEForPreTraining, pixels: torch.Tensor, noise: torch.Tensor
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """What is hidden, 0 or 1 `[image, patch]`, and what each state paints."""
    seen = model.vit(pixels, noise=noise, output_hidden_states=True)
    # transformers 4 gives the last of the hidden states normed already
    normed = [*map(model.vit.layernorm, seen.hidden_states[:-1]), seen.last_hidden_state]
    return seen.mask, [model.decoder(state, seen.ids_restore).logits for state in normed]


def _target(model: ViTMAEForPreTraining, pixels: torch.Tensor) -> torch.Tensor:
    """What should be painted, `[image, patch, value]`."""
    patches = model.patchify(pixels)
    if not model.config.norm_pix_loss:
        return patches
    var, mean = torch.var_mean(patches, dim=-1, keepdim=True)
    return (patches - mean) / (var + 1e-6).sqrt()


def _mean_colour(
    model: ViTMAEForPreTraining, target: torch.Tensor, visible: torch.Tensor
) -> torch.Tensor:
    """Every patch in the mean colour of the visible ones; normalised, any flat patch is zero."""
    if model.config.norm_pix_loss:
        return torch.zeros_like(target)
    colours = target.unflatten(-1, (-1, 3)).mean(dim=2)  # [image, patch, colour]
    weights = visible[..., None] / visible.sum(dim=1)[:, None, None]
    mean = (colours * weights).sum(dim=1, keepdim=True)
    return mean.repeat(1, 1, target.shape[-1] // 3).expand_as(target)


def _nearest(visible: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """For each patch the nearest visible one, as an index into `[image, patch]`."""
    side = round(visible.shape[1] ** 0.5)
    places = torch.cartesian_prod(torch.arange(side), torch.arange(side)).double()
    away = torch.cdist(places, places).expand(len(visible), -1, -1)
    nearest = away.masked_fill(~visible[:, None], torch.inf).argmin(dim=-1)
    return torch.arange(len(visible))[:, None], nearest


def _architecture(model: ViTMAEForPreTraining) -> str:
    config = model.config
    millions = sum(p.numel() for p in model.parameters()) / 1e6
    side = config.image_size // config.patch_size
    return (
        f"Masked autoencoder: encoder of {config.num_hidden_layers} blocks, {config.hidden_size}"
        f" wide, {config.num_attention_heads} heads, with a CLS token; decoder of"
        f" {config.decoder_num_hidden_layers} blocks, {config.decoder_hidden_size} wide,"
        f" {config.decoder_num_attention_heads} heads; {side} x {side} patches of"
        f" {config.patch_size} pixels, {millions:.1f} million parameters"
    )
