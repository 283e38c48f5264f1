"""Scenes and what an embedded model makes of them: what the decoders learn from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from transformers import CLIPModel

from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.world.embedded import build
from vitlens_widgets.world.network import normalized
from vitlens_widgets.world.training.task import fresh_scenes, stacked_images


@dataclass(frozen=True, slots=True)
class PictureBatch:
    """Scenes that are to be painted, uint8 `[image, 112, 112, 3]`."""

    images: Tensor


def drawn_pictures(index: int, batch_size: int, side: int, every: int) -> PictureBatch:
    """Fresh scenes; see `fresh_scenes`."""
    scenes = fresh_scenes(index, batch_size, side, every)
    return PictureBatch(torch.from_numpy(stacked_images(scenes)))


@cache
def encoder(name: str) -> Any:
    """The embedded model of this name, read once, which learns nothing."""
    return build(name).requires_grad_(False)


@clean
@torch.no_grad()
def encoded_states(name: str, images: Tensor) -> Tensor:
    """All states of an embedded model, `[state, image, token, d]`, in half precision.

    Args:
        name: Of the model.
        images: uint8 `[image, 112, 112, 3]`; each pixel is shown as four, which gives the model
            what it was trained on.
    """
    model, pixels = encoder(name), _at_twice_the_side(images)
    with torch.autocast("cpu", torch.bfloat16):
        if isinstance(model, CLIPModel):
            return torch.stack(_seen(model, pixels).hidden_states)
        state = model.norm_pre(model._pos_embed(model.patch_embed(pixels)))
        states = [state]
        for block in model.blocks:
            states.append(state := block(state))
        return torch.stack(states)


@clean
@torch.no_grad()
def encoded_readout(name: str, images: Tensor, state: int) -> tuple[Tensor, Tensor]:
    """What a model of images and texts makes of images, in half precision.

    Args:
        name: Of the model.
        images: As in `encoded_states`.
        state: Which state is asked for.

    Returns:
        The embeddings, `[image, feature]`, and that state, `[image, token, d]`.
    """
    model = encoder(name)
    with torch.autocast("cpu", torch.bfloat16):
        seen = _seen(model, _at_twice_the_side(images))
        return model.visual_projection(seen.pooler_output), seen.hidden_states[state]


def _seen(model: CLIPModel, pixels: Tensor) -> Any:
    return model.vision_model(pixels, output_hidden_states=True)


def _at_twice_the_side(images: Tensor) -> Tensor:
    return functional.interpolate(normalized(images), scale_factor=2)
