"""From what a decoder paints to brightness from 0 to 1.

A model trained on normalised pixels paints each patch minus its own mean over its own deviation,
so that what it paints is brightness only with a mean and a deviation from elsewhere. Taking those
of the hidden patch itself would show the answer's own colours and contrast as if the model had
found them.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import torch
from einops import rearrange
from torch import Tensor

from vitlens_widgets.errors import UsageError
from vitlens_widgets.models import TokenLayout
from vitlens_widgets.trace import ViT

Statistics = Literal["neighbours", "visible", "target"]
"""Where a hidden patch's mean and deviation are taken from, for models of normalised pixels.

- `"neighbours"`: the means and variances of all visible patches, weighted by the inverse fourth
  power of their distance on the grid (inverse distance weighting, Shepard 1968).
- `"visible"`: those of all visible patches, weighted alike.
- `"target"`: the hidden patch's own, which the model was not shown. This leaks the answer.

Visible patches keep their own. With no patch visible, mean 0 and deviation 1 of normalised pixels.
"""

_EPSILON = 1e-6  # added to the variance in training, in the published code
_POWER = 4


def check_statistics(name: str | None, normalised: bool, model: str) -> Statistics | None:
    """The statistics to use: the default for a model of normalised pixels, none for another.

    Raises:
        UsageError: An unknown name, or one where nothing is normalised.
    """
    if name is None:
        return "neighbours" if normalised else None
    names: tuple[Statistics, ...] = get_args(Statistics)
    if name not in names:
        known = ", ".join(f'"{word}"' for word in names)
        raise UsageError(f"statistics is {name!r}; it is one of {known}.")
    if not normalised:
        raise UsageError(
            f"{model} paints plain pixels, so there are no patch statistics to choose; leave "
            "statistics= out."
        )
    return name


def cut(images: Tensor, layout: TokenLayout) -> Tensor:
    """`[image, colour, height, width]` cut into patches, `[image, patch, pixel * colour]`."""
    return rearrange(
        images, "i c (row h) (col w) -> i (row col) (h w c)", row=layout.rows, col=layout.cols
    )


def join(patches: Tensor, layout: TokenLayout, patch_size: tuple[int, int]) -> Tensor:
    """Patches `[..., patch, pixel * colour]` as pictures `[..., height, width, colour]`."""
    return rearrange(
        patches,
        "... (row col) (h w c) -> ... (row h) (col w) c",
        row=layout.rows,
        h=patch_size[0],
        w=patch_size[1],
    )


def to_brightness(patches: Tensor, vit: ViT) -> Tensor:
    """Patches of pixels as the model takes them, as brightness `[image, height, width, 3]`."""
    mean, std = (torch.tensor(v) for v in (vit.preprocessing.mean, vit.preprocessing.std))
    return join(patches, vit.layout, vit.patch_size) * std + mean


def to_pixels(brightness: np.ndarray, vit: ViT) -> Tensor:
    """Brightness `[image, height, width, 3]` as the model takes it, where the model is."""
    mean, std = (torch.tensor(v) for v in (vit.preprocessing.mean, vit.preprocessing.std))
    pixels = ((torch.tensor(brightness) - mean) / std).permute(0, 3, 1, 2)
    return pixels.to(vit.device, vit.dtype)


def patch_statistics(
    pixels: Tensor, mask: Tensor, layout: TokenLayout, name: Statistics
) -> tuple[Tensor, Tensor]:
    """(mean, deviation) to give each patch, both `[image, patch, 1]`.

    Args:
        pixels: The images, normalised as the model takes them.
        mask: What is hidden, bool `[image, patch]`.
        layout: The patches.
        name: Where they are taken from.
    """
    var, mean = torch.var_mean(cut(pixels.float(), layout), dim=-1, keepdim=True)
    if name != "target":
        weight = _weights(mask, layout, name).to(mean)
        known, seen = weight.sum(dim=-1, keepdim=True) > 0, ~mask[..., None].to(mean.device)
        borrowed = torch.where(known, weight @ mean, 0.0), torch.where(known, weight @ var, 1.0)
        mean, var = (
            torch.where(seen, own, other) for own, other in zip((mean, var), borrowed, strict=True)
        )
    return mean, (var + _EPSILON).sqrt()


def _weights(mask: Tensor, layout: TokenLayout, name: Statistics) -> Tensor:
    """How much each visible patch says about each patch, `[image, patch, visible patch]`."""
    rows, cols = (torch.arange(n, dtype=torch.float64) for n in (layout.rows, layout.cols))
    places = torch.cartesian_prod(rows, cols)
    away = torch.cdist(places, places) if name == "neighbours" else torch.ones(len(places), 1)
    weight = away.pow(-_POWER).masked_fill(away == 0, 0) * ~mask.cpu()[:, None, :]
    total = weight.sum(dim=-1, keepdim=True)
    return torch.where(total > 0, weight / total, 0.0)
