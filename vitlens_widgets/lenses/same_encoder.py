"""Whether a model is the encoder of a decoder: both are shown one fixed image of random pixels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.trace import ViT

_TOLERANCE = 0.1
"""Of the length of an embedding: half precision, and another library's way to stretch positions,
move it by less, and another model by about its own length."""


@clean
@torch.no_grad()
def last_embedding(vit: ViT, pixels: Tensor, what: str) -> Tensor:
    """The readout or the tokens of a model's last state, of preprocessed pixels.

    Args:
        vit: The model.
        pixels: `[image, channel, height, width]`.
        what: `"readout"` or `"tokens"`.

    Returns:
        `[image, feature]` or `[image, token, d]`.
    """
    state = vit.trace(pixels.to(vit.device, vit.dtype), preprocessed=True).states[-1]
    return state if what == "tokens" else vit.adapter.readout_features(state).detach()


def makes_the_same(vit: ViT, what: str, encoded: Callable[[Tensor], Tensor | None]) -> bool | None:
    """Whether a model makes of an image what an encoder makes of it.

    Args:
        vit: The model.
        what: `"readout"` or `"tokens"`, which are compared through a norm without weights.
        encoded: From preprocessed pixels to what the encoder makes of them.

    Returns:
        None where the encoder gives nothing.
    """
    shape = (1, vit.adapter.n_channels, *vit.image_size)
    pixels = torch.tensor(np.random.RandomState(0).uniform(-1, 1, shape), dtype=torch.float32)
    expected = encoded(pixels)
    if expected is None:
        return None
    found = last_embedding(vit, pixels, what)
    found, expected = (one.cpu().float() for one in (found, expected))
    if what == "tokens":
        found, expected = (functional.layer_norm(x, x.shape[-1:]) for x in (found, expected))
    away, length = (float(one.square().sum().sqrt()) for one in (found - expected, expected))
    return away <= _TOLERANCE * length
