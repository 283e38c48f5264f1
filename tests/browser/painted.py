"""The tinted picture, computed in NumPy from a reading: what the browser must have drawn."""

from __future__ import annotations

import base64

import numpy as np
from bokeh.palettes import Cividis256, Viridis256

CLASS_COLORS = ("#009C5A", "#AB6DA7", "#E59D00", "#58BBF7", "#C85A0D", "#0060DA", "#FFF261")


def rgb(colour):
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], dtype=float)


MISSING, KNOCKED_OUT, LEGEND_GREY = 238, 156, 69
"""Greys: of what has no number, of a key that may not be seen, of the picture under a legend."""

VEIL = [MISSING] * 3 + [235]
"""Red, green, blue and opacity over a patch that was dropped."""

VIRIDIS, CIVIDIS = (np.stack([rgb(c) for c in p]) for p in (Viridis256, Cividis256))


def stretched(picture, dark, light, color=0.0):
    """Luminance from its 1st..99th percentile to `dark`..`light`; a share of the colour is kept."""
    y = picture @ np.array([0.299, 0.587, 0.114])
    ordered = np.sort(np.rint(y).ravel())
    low, high = (ordered[int(share * y.size)] for share in (0.01, 0.99))
    lightness = 255 * (dark + np.clip((y - low) / (high - low), 0, 1) * (light - dark))
    return np.clip(np.rint(lightness[..., None] + color * (picture - y[..., None])), 0, 255)


def over(ground, colors, opacity):
    """Colours `[row, col, 3]` laid over a picture, each over its own square of pixels."""
    rows, cols = opacity.shape
    size = (ground.shape[0] // rows, ground.shape[1] // cols)
    alpha = np.kron(opacity, np.ones(size))[..., None]
    paint = np.stack([np.kron(colors[..., c], np.ones(size)) for c in range(3)], axis=-1)
    return np.rint(ground * (1 - alpha) + paint * alpha)


def opacity(place, *, of_heat=False):
    """How much of a picture a colour at places 0..1 covers; attention and relevance cover more."""
    return 0.36 + 0.54 * place if of_heat else 0.12 + 0.63 * place


def mapped(picture, table, value):
    """An ordered map at values 0..1, `[row, col]`."""
    colors = table[np.floor(255 * value + 0.5).astype(int)]
    return over(stretched(picture, 0.10, 0.44), colors, opacity(value))


def on_scale(reading, probability, image=0):
    """Probabilities `[state, image, token]` as places on a scale that ends just above them all."""
    most = np.asarray(probability, dtype=np.float64)[:, image, reading.layout.n_prefix :].max()
    ends = sorted(float(f"{step}e{ten}") for step in (1, 2, 5) for ten in range(-9, 0))
    return probability / next((end for end in ends if most <= end), 1.0)


def in_words(p, digits):
    """A probability as it is written."""
    return f"{p:#.2g}" if p < 0.01 else f"{p:.{digits}f}"


def patches(reading, column, state, image=0):
    """One state of `[state, image, token]` as `[row, col]`, prefix tokens left out."""
    grid = reading.layout
    tokens = np.asarray(column, dtype=np.float64)[state, image, grid.n_prefix :]
    return tokens.reshape(grid.rows, grid.cols)


def canvas_pixels(canvas):
    """What stands on a canvas (a locator), `[height, width, 3]`; it must be opaque."""
    encoded, width, height = canvas.evaluate(
        """canvas => {
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          let text = "";
          for (let i = 0; i < data.length; i += 8192)
            text += String.fromCharCode(...data.subarray(i, i + 8192));
          return [btoa(text), canvas.width, canvas.height];
        }"""
    )
    pixels = np.frombuffer(base64.b64decode(encoded), np.uint8).reshape(height, width, 4)
    assert (pixels[..., 3] == 255).all()
    return pixels[..., :3].astype(float)
