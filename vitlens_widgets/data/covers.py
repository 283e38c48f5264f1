"""An image with a part of it covered: what an answer is compared with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, cast, get_args

import numpy as np

from vitlens_widgets.data.images import read_image
from vitlens_widgets.errors import UsageError, check_choice, said, whole_number
from vitlens_widgets.kinds import is_several

Cover = Literal["grey", "black", "mean", "blur", "inpaint"]

MOST_INPAINTED = 250_000
"""Pixels; more would take minutes and gigabytes."""
_GREY = 128
_BLUR = 1 / 16
"""Of the shorter side: the deviation of the blur, by which a thing of that size is lost."""


def covered(image: Any, where: Any, by: Cover = "grey") -> np.ndarray:
    """An image with a box, or any region, covered; every other pixel is as it was.

    Args:
        image: Whatever `vl.data.read_image` takes.
        where: A box `(top, left, bottom, right)` in pixels, the last two left out; or a mask, bool
            `[H, W]`, painted or of a data set.
        by: `"grey"` (128, 128, 128); `"black"`; `"mean"`: the mean colour of the rest of the
            image; `"blur"`: the image under a Gaussian whose deviation is 1/16 of its shorter
            side; `"inpaint"`: what is around it, continued smoothly (biharmonic).

    Returns:
        uint8 `[H, W, 3]`.

    Raises:
        UsageError: No such image, a box outside of it, a mask of another size, nothing or
            everything covered, an unknown `by`, or more pixels than can be inpainted.

    Source:
        "black": Joseph & Nanda (2024), whose cat-and-dog image has the cat under a black box;
        "inpaint": Damelin & Hoang (2018), "On surface completion and image inpainting by biharmonic
        functions", in scikit-image.

    Example:
        >>> without_cat = vl.data.covered("cat_dog.jpg", (20, 250, 500, 600), by="black")
    """
    check_choice("by=", by, get_args(Cover))
    pixels = np.asarray(read_image(image))
    mask = _mask(where, pixels.shape[:2])
    out = pixels.copy()
    out[mask] = _COVERS[by](pixels, mask)
    return out


def _mask(where: Any, size: tuple[int, ...]) -> np.ndarray:
    """Where it is covered, bool `[H, W]`.

    Raises:
        UsageError: See `covered`.
    """
    if hasattr(where, "ndim") and where.ndim == 2:
        mask = np.asarray(where)
        if mask.dtype != bool or mask.shape != size:
            raise UsageError(
                f"where= takes a mask, bool [{size[0]}, {size[1]}] as the image is, not "
                f"{mask.dtype} {list(mask.shape)}."
            )
    else:
        mask = _of_box(where, size)
    if not mask.any() or mask.all():
        what = "everything" if mask.any() else "nothing"
        raise UsageError(f"where= covers {what}; it must leave some pixels and cover others.")
    return mask


def _of_box(where: Any, size: tuple[int, ...]) -> np.ndarray:
    sides = list(cast("Any", where)) if is_several(where) else []
    numbers = [number for number in map(whole_number, sides) if number is not None]
    if len(sides) != 4 or len(numbers) != 4:
        raise UsageError(
            "where= takes a box (top, left, bottom, right) in whole pixels, or a mask, bool "
            f"[{size[0]}, {size[1]}], not {where if is_several(where) else said(where)}."
        )
    top, left, bottom, right = numbers
    if not (0 <= top < bottom <= size[0] and 0 <= left < right <= size[1]):
        raise UsageError(
            f"The box {tuple(numbers)} is not inside the image of {size[0]} x {size[1]} pixels: "
            f"(top, left, bottom, right) with 0 <= top < bottom <= {size[0]} and "
            f"0 <= left < right <= {size[1]}."
        )
    mask = np.zeros(size, dtype=bool)
    mask[top:bottom, left:right] = True
    return mask


def _blurred(pixels: np.ndarray, mask: np.ndarray) -> np.ndarray:
    from scipy import ndimage  # half a second to import, and only this needs it

    sigma = _BLUR * min(mask.shape)
    soft = ndimage.gaussian_filter(pixels.astype(np.float64), (sigma, sigma, 0), mode="nearest")
    return np.rint(soft[mask]).astype(np.uint8)


def _inpainted(pixels: np.ndarray, mask: np.ndarray) -> np.ndarray:
    if mask.sum() > MOST_INPAINTED:
        raise UsageError(
            f"{mask.sum():,} pixels are too many to be inpainted, at most {MOST_INPAINTED:,}; make "
            'the image smaller, or cover them by="blur".'
        )
    from skimage import restoration  # a second to import, and only this needs it

    fill = cast("Any", restoration).inpaint_biharmonic
    whole = fill(pixels / 255, mask, split_into_regions=True, channel_axis=-1)
    return np.rint(np.clip(whole[mask], 0, 1) * 255).astype(np.uint8)


_COVERS: dict[str, Callable[[np.ndarray, np.ndarray], Any]] = {
    "grey": lambda _pixels, _mask: _GREY,
    "black": lambda _pixels, _mask: 0,
    "mean": lambda pixels, mask: np.rint(pixels[~mask].mean(0)).astype(np.uint8),
    "blur": _blurred,
    "inpaint": _inpainted,
}
