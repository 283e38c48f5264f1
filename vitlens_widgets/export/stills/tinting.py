"""A picture under the colours of its patches, as the front end draws it (js/lib/tinting.js)."""

from __future__ import annotations

import numpy as np

MAP_GROUND = {"dark": 0.10, "light": 0.44, "color": 0.0}
"""How a picture is prepared under an ordered colour map."""

CLASS_GROUND = {"dark": 0.60, "light": 0.97, "color": 0.45}
"""How it is prepared under class colours."""

CLASS_OPACITY, VEIL_OPACITY = 0.72, 0.3
HATCH_PERIOD, HATCH_WIDTH = 5, 2


def prepared(picture: np.ndarray, dark: float, light: float, color: float) -> np.ndarray:
    """A picture brought to a narrow band of lightness, so that colours over it can be compared.

    Args:
        picture: uint8 `[height, width, 3]`.
        dark: Lightness of its 1st percentile, 0..1.
        light: Lightness of its 99th percentile.
        color: How much of its colour is kept, 0..1.

    Returns:
        uint8 `[height, width, 3]`.
    """
    picture = np.asarray(picture, np.float32)
    y = picture @ np.array([0.299, 0.587, 0.114], np.float32)
    ordered = np.sort(np.rint(y), axis=None)
    low, high = (ordered[int(share * y.size)] for share in (0.01, 0.99))
    lightness = 255 * (dark + np.clip((y - low) / max(1, high - low), 0, 1) * (light - dark))
    wanted = lightness[..., None] + color * (picture - y[..., None])
    return np.rint(np.clip(wanted, 0, 255)).astype(np.uint8)


def laid_over(
    ground: np.ndarray, colors: np.ndarray, opacity: np.ndarray, hatch: np.ndarray | None = None
) -> np.ndarray:
    """Colours, each over its own cell of a picture.

    Args:
        ground: uint8 `[height, width, 3]`.
        colors: `[row, col, 3]`, 0..255.
        opacity: `[row, col]`, 0..1.
        hatch: `[row, col, 3]`, the colours of diagonal stripes over them; None without any.

    Returns:
        uint8 `[height, width, 3]`.
    """
    cell = cells(ground.shape[:2], opacity.shape)
    alpha = opacity.astype(np.float32)[cell][..., None]
    over = colors.astype(np.float32)[cell]
    if hatch is not None:
        diagonal = np.add.outer(*(np.arange(size) for size in ground.shape[:2]))
        on_stripe = (diagonal % HATCH_PERIOD < HATCH_WIDTH)[..., None]
        over = np.where(on_stripe, hatch.astype(np.float32)[cell], over)
    return np.rint(ground * (1 - alpha) + over * alpha).astype(np.uint8)


def cells(size: tuple[int, int], grid: tuple[int, int]) -> tuple[np.ndarray, ...]:
    """The row and the column of the cell that each pixel belongs to, to index with."""
    lines = []
    for pixels, count in zip(size, grid, strict=True):
        edges = np.floor(np.arange(count + 1) * pixels / count + 0.5).astype(int)
        lines.append(np.repeat(np.arange(count), np.diff(edges)))
    return np.ix_(*lines)
