"""The colours of data: the one source of the tables that the front end draws with, too.

js/scripts/colormap_tables.py writes js/lib/colormap_tables.js from here.
"""

from __future__ import annotations

import functools

import numpy as np

BLUE, MIDDLE, ORANGE = (68, 142, 224), (238, 238, 238), (235, 127, 14)

CLASS_COLORS = ("#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#D55E00", "#0072B2", "#F0E442")
"""Colours of the most frequent classes, green and pink first, most emoji being yellow; afterwards
they come again, hatched."""

OTHER_COLOR = "#999999"
"""The colour of all classes after these."""

# Björn Ottosson's Oklab: mixing in it keeps hue and makes lightness even.
TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


@functools.cache
def table(name: str) -> np.ndarray:
    """A colour map, uint8 `[256, 3]`: "viridis", "cividis", "magma", as in Bokeh; "blue_orange"."""
    from bokeh import palettes

    if name == "blue_orange":
        return _diverging()
    return np.stack([bytes_of(color) for color in getattr(palettes, f"{name.capitalize()}256")])


def bytes_of(color: str) -> np.ndarray:
    """`"#009E73"` -> uint8 `[3]`."""
    return np.frombuffer(bytes.fromhex(color[1:]), np.uint8)


def colored(place: np.ndarray, name: str) -> np.ndarray:
    """Places 0..1 on a colour map, `[...]` -> uint8 `[..., 3]`; beyond is clipped."""
    return table(name)[np.floor(255 * np.clip(np.nan_to_num(place), 0, 1) + 0.5).astype(int)]


def _linear(rgb: tuple[int, int, int]) -> np.ndarray:
    """Bytes of sRGB -> linear light in 0..1."""
    x = np.asarray(rgb) / 255
    return np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)


def _encoded(light: np.ndarray) -> np.ndarray:
    """Linear light in 0..1 -> sRGB bytes."""
    x = np.clip(light, 0, 1)
    return np.rint(
        255 * np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055)
    ).astype(np.uint8)


def _diverging() -> np.ndarray:
    """Blue through light grey to orange, even in Oklab on either side: uint8 `[256, 3]`."""
    blue, middle, orange = (TO_LAB @ np.cbrt(TO_LMS @ _linear(c)) for c in (BLUE, MIDDLE, ORANGE))
    at = np.linspace(-1, 1, 256)[:, None]
    lab = middle + np.abs(at) * (np.where(at < 0, blue, orange) - middle)
    lms = (np.linalg.inv(TO_LAB) @ lab.T) ** 3
    return _encoded((np.linalg.inv(TO_LMS) @ lms).T)
