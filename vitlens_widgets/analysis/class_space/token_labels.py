"""Which image tokens show the class, and which its context, from masks of pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from PIL import Image

from vitlens_widgets.analysis.class_space.rules import check_choice
from vitlens_widgets.errors import UsageError
from vitlens_widgets.masks import top_left
from vitlens_widgets.trace import ViT

MaskRule = Literal["top_left", "majority"]
"""By which pixels a patch is labelled; see `class_tokens`."""


def check_mask_rule(rule: MaskRule) -> MaskRule:
    """The rule, if it is one.

    Raises:
        UsageError: It is not.
    """
    return check_choice("mask_rule", rule, ("top_left", "majority"))


def class_tokens(vit: ViT, masks: Sequence[np.ndarray | None], rule: MaskRule) -> np.ndarray:
    """Which patches show the class, bool `[image, patch]`; the others are context.

    Args:
        vit: The model whose patches are meant.
        masks: Bool `[height, width]` of each whole image.
        rule: `"top_left"`, as the authors of the paper do it: the whole mask is cut into the patch
            grid, however the model crops its images, and the pixel at the top left of each cell
            decides. `"majority"`: the mask goes through the model's own resizing and cropping, and
            the patch shows the class if more than half of its pixels do.

    Raises:
        UsageError: An image without a mask.

    Source:
        The authors' code of Vilas et al. (2023), which resizes masks with OpenCV's INTER_NEAREST.
    """
    there = [mask for mask in masks if mask is not None]
    if len(there) < len(masks):
        raise UsageError("An image has no mask, so that its tokens cannot be labelled.")
    if check_mask_rule(rule) == "top_left":
        return np.stack([top_left(mask, vit.layout.grid).ravel() for mask in there])
    return np.stack([cover_of_patches(mask, vit) > 0.5 for mask in there])


def cover_of_patches(mask: np.ndarray, vit: ViT) -> np.ndarray:
    """The share of each patch that a mask of the whole image covers, float64 `[patch]`.

    The mask goes through the model's own resizing and cropping.
    """
    painted = Image.fromarray(mask.astype(np.uint8) * 255).convert("RGB")
    seen = vit.preprocessing.picture(painted)[..., 0] >= 128
    return vit.layout.coverage(seen).ravel()
