"""One picture laid on another: the thing of its mask, or all of it."""

from __future__ import annotations

import numpy as np
from PIL import Image

from vitlens_widgets.masks import top_left

_GREY = 128
_CORNERS = ((0, 0), (0, 1), (1, 0), (1, 1))
_MARGIN = 0.04  # of the shorter side


def cut_out(picture: Image.Image, mask: np.ndarray | None) -> Image.Image:
    """What a mask marks of a picture, cut to its box, all else transparent; all without a mask.

    Args:
        picture: RGB.
        mask: Bool `[height, width]` of the whole picture, of any resolution.
    """
    whole = picture.convert("RGBA")
    if mask is None or not mask.any():
        return whole
    marked = top_left(mask, (picture.height, picture.width)) > 0
    whole.putalpha(Image.fromarray(np.where(marked, 255, 0).astype(np.uint8)))
    box = whole.getchannel("A").getbbox()
    return whole.crop(box) if box else picture.convert("RGBA")


def pasted(
    picture: Image.Image, overlay: Image.Image, size: float, corner: int
) -> tuple[Image.Image, Image.Image]:
    """A picture with an overlay in one of its corners; and the overlay alone, there, on grey.

    Args:
        picture: RGB.
        overlay: RGBA.
        size: Of the overlay's longer side, as a share of the picture's shorter one.
        corner: 0 to 3: top left, top right, bottom left, bottom right.
    """
    shorter = min(picture.size)
    scale = size * shorter / max(overlay.size)
    width, height = (max(1, round(scale * one)) for one in overlay.size)
    small = overlay.resize((width, height), Image.Resampling.BICUBIC)
    low, right = _CORNERS[corner]
    margin = round(_MARGIN * shorter)
    left = picture.width - width - margin if right else margin
    top = picture.height - height - margin if low else margin
    both, alone = picture.copy(), Image.new("RGB", picture.size, (_GREY,) * 3)
    for one in (both, alone):
        one.paste(small, (left, top), small)
    return both, alone
