"""An array of numbers as an image, or a sentence that says why it is none."""

from __future__ import annotations

import numpy as np
from PIL import Image

from vitlens_widgets.errors import UsageError

_SLACK = 1e-3  # how far resizing and rounding may carry a float out of [0, 1]; a quarter of 1/255


def image_from_array(array: np.ndarray, channels_first: bool) -> Image.Image:
    """A grey, RGB or RGBA array as an RGB image; what is transparent is laid on white.

    Args:
        array: `[H, W]`, or `[H, W, C]` (`[C, H, W]` if `channels_first`) with C = 1, 3 or 4;
            uint8, bool, or floats in [0, 1].
        channels_first: the order of the axes, which is torch's habit.

    Raises:
        UsageError: another shape, another type, a range other than [0, 1], NaN, or nothing.
    """
    pixels = _as_bytes(_channels_last(array, channels_first))
    if pixels.shape[2] == 1:
        pixels = np.repeat(pixels, 3, axis=2)
    image = Image.fromarray(np.ascontiguousarray(pixels))
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def _channels_last(array: np.ndarray, channels_first: bool) -> np.ndarray:
    """`[H, W, C]` of whatever was given."""
    given = _said(array.shape, channels_first)
    layout = "[channels, height, width]" if channels_first else "[height, width, channels]"
    if array.ndim == 4:
        raise UsageError(f"{given} is a batch of {array.shape[0]}: give its images in a list.")
    if array.ndim not in (2, 3):
        raise UsageError(f"{given} is no image: expected [height, width] or {layout}.")
    if array.size == 0:
        raise UsageError(f"{given} is empty: it has no pixel.")
    if array.ndim == 2:
        return array[:, :, None]
    channels, other = (0, 2) if channels_first else (2, 0)
    if array.shape[channels] not in (1, 3, 4):
        turn = "tensor.permute(2, 0, 1)" if channels_first else "array.transpose(1, 2, 0)"
        hint = f" {turn} puts them there." if array.shape[other] in (1, 3, 4) else ""
        raise UsageError(
            f"{given} has {array.shape[channels]} channels; expected 1 (grey), 3 (RGB) or 4 "
            f"(RGBA) as {layout}.{hint}"
        )
    return np.moveaxis(array, 0, 2) if channels_first else array


def check_order(shape: tuple[int, ...], channels_first: bool) -> None:
    """Refuse a batch whose channels are on the other side; its images are looked at one by one.

    Raises:
        UsageError: They are.
    """
    channels, other = (1, 3) if channels_first else (3, 1)
    if shape[channels] not in (1, 3, 4) and shape[other] in (1, 3, 4):
        turn = "tensor.permute(0, 3, 1, 2)" if channels_first else "array.transpose(0, 2, 3, 1)"
        layout = "channels, height, width" if channels_first else "height, width, channels"
        raise UsageError(
            f"{_said(shape, channels_first)} has {shape[channels]} channels; expected [image, "
            f"{layout}]. {turn} puts them there."
        )


def _said(shape: tuple[int, ...], channels_first: bool) -> str:
    return f"{'A tensor' if channels_first else 'An array'} of shape {list(shape)}"


def _as_bytes(array: np.ndarray) -> np.ndarray:
    """uint8 of uint8, of booleans, and of floats in [0, 1]."""
    if array.dtype == np.uint8:
        return array
    if array.dtype == bool:
        return array.astype(np.uint8) * 255
    if not np.issubdtype(array.dtype, np.floating):
        raise UsageError(
            f"An image of type {array.dtype} was given; expected uint8 (0 to 255) or floats "
            "(0 to 1): convert it, so that black and white are certain."
        )
    bad = array.size - int(np.isfinite(array).sum())
    if bad:
        raise UsageError(f"{bad} of the image's {array.size} values are NaN or infinite.")
    low, high = float(array.min()), float(array.max())
    if low < -_SLACK or high > 1 + _SLACK:
        scaled = "divide by 255" if low >= 0 else "scale them so"
        raise UsageError(
            f"A float image has values from {low:.3g} to {high:.3g}; expected 0 to 1: {scaled}, "
            "or call trace with preprocessed=True if the tensor is already normalised."
        )
    return np.rint(np.clip(array.astype(np.float32), 0, 1) * 255).astype(np.uint8)
