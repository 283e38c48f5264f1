"""Colours of three numbers in OKLab, as the front end makes them (js/patch_features/oklab.js)."""

from __future__ import annotations

import numpy as np

LIGHTNESS = (0.40, 0.92)
BLUE_YELLOW, GREEN_RED = 0.19, 0.17
HALVINGS = 8

_TO_CONES = np.array(
    [
        [1, 0.3963377774, 0.2158037573],
        [1, -0.1055613458, -0.0638541728],
        [1, -0.0894841775, -1.2914855480],
    ]
)
_TO_LIGHT = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
)


def component_colors(values: np.ndarray) -> np.ndarray:
    """Three numbers -1..1 each as a colour, `[..., 3]` to uint8 of the same shape.

    The first is lightness, the second runs from blue to yellow, the third from green to red: the
    weakest component takes the axis that colour-blind people lose. What sRGB cannot show keeps its
    lightness and hue and loses chroma.

    Source: Ottosson (2020), "A perceptual color space for image processing".
    """
    low, high = LIGHTNESS
    first, second, third = np.moveaxis(np.asarray(values, np.float64), -1, 0)
    lab = np.stack(
        [low + (high - low) * (first + 1) / 2, GREEN_RED * third, BLUE_YELLOW * second], -1
    )
    inside, outside = np.zeros(first.shape), np.ones(first.shape)
    is_whole = _is_shown(_light(lab, outside))
    for _ in range(HALVINGS):
        share = (inside + outside) / 2
        fits = _is_shown(_light(lab, share))
        inside, outside = np.where(fits, share, inside), np.where(fits, outside, share)
    return _encoded(_light(lab, np.where(is_whole, 1.0, inside)))


def _light(lab: np.ndarray, chroma: np.ndarray) -> np.ndarray:
    """Linear light `[..., 3]` of colours with a share of their chroma."""
    shrunk = lab * np.stack([np.ones_like(chroma), chroma, chroma], -1)
    return (shrunk @ _TO_CONES.T) ** 3 @ _TO_LIGHT.T


def _is_shown(light: np.ndarray) -> np.ndarray:
    return np.all((light >= -1e-6) & (light <= 1 + 1e-6), axis=-1, keepdims=False)


def _encoded(light: np.ndarray) -> np.ndarray:
    x = light.clip(0, 1)
    curved = np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055)
    return np.floor(255 * curved + 0.5).astype(np.uint8)
