"""From whatever a user calls images to one batch of pixels, and the pictures to show."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from vitlens_widgets.data import read_image
from vitlens_widgets.data.listed import listed
from vitlens_widgets.errors import UsageError, check_flag, warn
from vitlens_widgets.models import BaseViT
from vitlens_widgets.models.preprocessing import Preprocessing
from vitlens_widgets.models.whole import COMPUTES

_BEYOND = 10  # times the brightness of white, or as far below black: no stimulus is as strong
_MUCH = 1 / 3  # of an image; what is cropped of usual photographs is less than the rest


def as_batch(
    vit: BaseViT, images: Any, preprocessed: bool
) -> tuple[Tensor, Callable[[], np.ndarray]]:
    """Pixels `[image, 3, height, width]` for the model, and what gives the pictures to show.

    Pictures are uint8 `[image, height, width, 3]`; those of pixels are made when first asked for.

    Raises:
        UsageError: There is no image, or one that cannot be read.
    """
    if check_flag("preprocessed=", preprocessed):
        pixels = _checked_pixels(vit, images)
        shown = pixels.detach().clone()  # the caller may go on to change his pixels
        pictures = cache(lambda: vit.preprocessing.undo(shown))
    else:
        every = listed(images)
        read = [_read(image, i, len(every)) for i, image in enumerate(every)]
        pixels, pictures = _prepared(vit.preprocessing, read)
    return pixels.to(device=vit.device, dtype=vit.dtype), pictures


def _prepared(
    preprocessing: Preprocessing, images: list[Image.Image]
) -> tuple[Tensor, Callable[[], np.ndarray]]:
    """Pixels and pictures of images that were read; says what is cut off from long ones."""
    _say_what_is_cropped(preprocessing, images)
    if preprocessing.own is None:
        made = np.stack([preprocessing.picture(image) for image in images])
        return preprocessing.pixels(made), lambda: made
    finer = torch.stack([preprocessing.of(image) for image in images])
    return finer, cache(lambda: preprocessing.undo(finer))


def _say_what_is_cropped(preprocessing: Preprocessing, images: list[Image.Image]) -> None:
    """Warn of the image of which least is seen, if that is below a third of it."""
    height, width = preprocessing.size
    shares: list[tuple[float, int]] = []
    for i, image in enumerate(images):
        aspect = image.width * height / (image.height * width)
        if not 0.5 <= aspect <= 2:  # of others no geometry in use cuts off more
            shares.append((preprocessing.seen(image.width, image.height), i))
    if shares and min(shares)[0] < _MUCH:
        share, i = min(shares)
        which = f"image {i} of {len(images)}" if len(images) > 1 else "the image"
        warn(
            f"Of {which} ({images[i].width} x {images[i].height} pixels) the model sees only "
            f"{100 * share:.0f} %: its preprocessing ({preprocessing.description}) cuts off the "
            'rest. Cut the image into pieces, or say "crop_mode": "squash" in preprocessing= of '
            "vl.load."
        )


def _read(image: Any, i: int, of: int) -> Image.Image:
    try:
        return read_image(image)
    except UsageError as error:
        raise UsageError(f"Image {i} of {of}: {error}" if of > 1 else str(error)) from error


def _checked_pixels(vit: BaseViT, pixels: Any) -> Tensor:
    if other := _other_than_pixels(pixels):
        raise UsageError(f"preprocessed=True takes a floating-point tensor of pixels, not {other}.")
    pixels = pixels[None] if pixels.ndim == 3 else pixels
    n_channels = vit.adapter.n_channels
    if pixels.ndim != 4 or pixels.shape[1] != n_channels or len(pixels) == 0:
        raise UsageError(
            f"preprocessed=True takes pixels of shape [image, {n_channels}, height, width], not "
            f"{list(pixels.shape)}."
        )
    vit.adapter.layout(tuple(pixels.shape[2:]))
    if not torch.isfinite(pixels).all():
        raise UsageError("The pixels hold NaN or infinite values; expected finite numbers.")
    _check_normalised(vit.preprocessing, pixels)
    return pixels


def _other_than_pixels(pixels: Any) -> str:
    """What was given in place of a tensor of numbers to compute with; nothing where it is one."""
    if not isinstance(pixels, Tensor):
        return type(pixels).__name__
    if pixels.is_meta or pixels.is_nested:
        return "one without values" if pixels.is_meta else "a nested one"
    if pixels.layout != torch.strided:
        return f"one of layout {pixels.layout}"
    return "" if pixels.dtype in COMPUTES else str(pixels.dtype)


def _check_normalised(preprocessing: Preprocessing, pixels: Tensor) -> None:
    """Refuse pixels that are far from what any picture becomes, such as levels 0 .. 255.

    Raises:
        UsageError: They are.
    """
    mean, std = (torch.tensor(v).max() for v in (preprocessing.mean, preprocessing.std))
    low, high = (float(end) for end in pixels.detach().float().aminmax())
    if max(high * std + mean, -(low * std + mean)) > _BEYOND:
        raise UsageError(
            f"preprocessed=True takes pixels as the model is given them, mean and std applied: "
            f"white would be about {(1 - mean) / std:.2g}, and these go from {low:.4g} to "
            f"{high:.4g}. Leave preprocessed= out to have pictures from 0 to 255 prepared."
        )
    black = float(-mean / std)
    if low >= 0 and 0.5 < high <= 1 and black < -0.5:  # no picture without anything dark
        warn(
            f"preprocessed=True was said of pixels from {low:.2g} to {high:.2g}, as pictures have "
            f"before mean and std are applied; for this model black is {black:.2g}. Leave "
            "preprocessed= out to have them prepared."
        )
