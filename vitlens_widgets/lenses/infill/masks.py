"""Which patches are hidden: masks by chance and by hand; True is hidden.

Source of the masks by chance: `random_masking` of the code of He et al. (2022), whose numbers are
reproduced seed by seed.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.errors import UsageError, check_seed
from vitlens_widgets.models import TokenLayout

_ALL_OR_NONE = " To hide all or none of the patches, give mask=."


def random_mask(ratio: float, seed: int, n_images: int, n_patches: int) -> Tensor:
    """A mask for each image with the same number of hidden patches, bool `[image, patch]`.

    The patches that the published code and transformers hide after `torch.manual_seed(seed)`, drawn
    on the CPU: `int(n_patches * (1 - ratio))` stay visible, but at least one does, and at least
    one is hidden.

    Args:
        ratio: Share of the patches to hide, between 0 and 1.
        seed: Any whole number from 0 on.
        n_images: How many images; image i has its own mask, which depends on i and `n_images`.
        n_patches: How many patches each has.

    Raises:
        UsageError: A ratio outside (0, 1), or no such seed.
    """
    n_visible = min(
        max(int(n_patches * (1 - check_share("mask_ratio", ratio, _ALL_OR_NONE))), 1), n_patches - 1
    )
    generator = torch.Generator().manual_seed(check_seed(seed))
    noise = torch.rand(n_images, n_patches, generator=generator)
    kept = noise.argsort(dim=1)[:, :n_visible]
    return torch.ones(n_images, n_patches, dtype=torch.bool).scatter_(1, kept, False)


def given_mask(mask: Any, layout: TokenLayout, n_images: int) -> Tensor:
    """A user's mask for each image, bool `[image, patch]`.

    Args:
        mask: `[patch]` or `[row, column]` for all images, or one for each image, in front; booleans
            or the numbers 0 and 1.
        layout: The patches.
        n_images: How many images.

    Raises:
        UsageError: Another shape or other values.
    """
    try:
        values = np.asarray(mask.cpu() if isinstance(mask, Tensor) else mask)
    except ValueError:
        raise UsageError("mask= is ragged; give every image a mask of the same shape.") from None
    if values.dtype != bool and not np.isin(values, (0, 1)).all():
        raise UsageError("mask= must hold booleans (True is hidden) or the numbers 0 and 1.")
    one = {(layout.n_patches,), (layout.rows, layout.cols)}
    if values.shape in one:
        values = np.broadcast_to(values.reshape(1, -1), (n_images, layout.n_patches))
    elif values.shape not in {(n_images, *shape) for shape in one}:
        raise UsageError(
            f"mask= has the shape {list(values.shape)}; expected [{layout.n_patches}] or "
            f"[{layout.rows}, {layout.cols}], or one such mask for each image: "
            f"[{n_images}, {layout.n_patches}]."
        )
    return torch.from_numpy(values.reshape(n_images, -1).astype(bool))


def order_of(mask: Tensor) -> tuple[Tensor, Tensor]:
    """The sequence of all visible and then all hidden patches, and each patch's place in it.

    Both are int64 `[image, patch]`: `order[i, j]` is the patch in place j, and
    `restore[i, p]` the place of patch p.
    """
    order = mask.int().argsort(dim=1, stable=True)
    return order, order.argsort(dim=1)


def check_share(name: str, share: float, otherwise: str = "") -> float:
    """The share, if it lies between 0 and 1.

    Args:
        name: What it was given as.
        share: What was given.
        otherwise: What to do for 0 or 1, for the end of the sentence.

    Raises:
        UsageError: No number, or one outside (0, 1).
    """
    try:
        number = float(share)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 < number < 1:
        raise UsageError(f"{name} is {share!r}; give a number above 0 and below 1.{otherwise}")
    return number
