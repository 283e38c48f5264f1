"""How a picture is prepared under colours, as the front end does it (js/lib/tinting.js)."""

from __future__ import annotations

import numpy as np

CLASS_GROUND = {"dark": 0.60, "light": 0.97, "color": 0.45}
"""How a picture is prepared under class colours; the defaults are for ordered colour maps."""

CLASS_OPACITY, VEIL_OPACITY = 0.72, 0.3


def prepared(
    picture: np.ndarray, dark: float = 0.10, light: float = 0.44, color: float = 0.0
) -> np.ndarray:
    """A picture brought to a narrow band of lightness, so that colours over it can be compared.

    Args:
        picture: uint8 `[height, width, 3]`; so is what is returned.
        dark: Lightness of its 1st percentile, 0..1.
        light: Lightness of its 99th percentile.
        color: How much of its colour is kept, 0..1.
    """
    picture = np.asarray(picture, np.float32)
    y = picture @ np.array([0.299, 0.587, 0.114], np.float32)
    ordered = np.sort(np.rint(y), axis=None)
    low, high = (ordered[int(share * y.size)] for share in (0.01, 0.99))
    lightness = 255 * (dark + np.clip((y - low) / max(1, high - low), 0, 1) * (light - dark))
    wanted = lightness[..., None] + color * (picture - y[..., None])
    return np.rint(np.clip(wanted, 0, 255)).astype(np.uint8)
