"""Writes js/lib/colormap_tables.js: three maps as Bokeh has them, and a diverging one.

Run from the project's root: python js/scripts/colormap_tables.py
"""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
from bokeh.palettes import Cividis256, Magma256, Viridis256

BLUE, MIDDLE, ORANGE = (68, 142, 224), (238, 238, 238), (235, 127, 14)

HEADER = (
    "// 256 colours of three bytes each, base64. "
    "Written by js/scripts/colormap_tables.py; do not edit.\n"
)


def from_hex(palette: tuple[str, ...]) -> np.ndarray:
    """Colours `#rrggbb` -> uint8 `[256, 3]`."""
    return np.array([list(bytes.fromhex(colour[1:])) for colour in palette], dtype=np.uint8)


def linear(rgb: np.ndarray) -> np.ndarray:
    """Bytes of sRGB -> linear light in 0..1."""
    x = np.asarray(rgb) / 255
    return np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)


def encoded(light: np.ndarray) -> np.ndarray:
    """Linear light in 0..1 -> sRGB bytes."""
    x = np.clip(light, 0, 1)
    return np.rint(
        255 * np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055)
    ).astype(np.uint8)


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


def diverging() -> np.ndarray:
    """Blue through light grey to orange, even in Oklab on either side: uint8 `[256, 3]`."""
    blue, middle, orange = (TO_LAB @ np.cbrt(TO_LMS @ linear(c)) for c in (BLUE, MIDDLE, ORANGE))
    at = np.linspace(-1, 1, 256)[:, None]
    lab = middle + np.abs(at) * (np.where(at < 0, blue, orange) - middle)
    lms = (np.linalg.inv(TO_LAB) @ lab.T) ** 3
    return encoded((np.linalg.inv(TO_LMS) @ lms).T)


def main() -> None:
    """Writes the file beside the other helpers."""
    tables = {
        "VIRIDIS": from_hex(Viridis256),
        "CIVIDIS": from_hex(Cividis256),
        "MAGMA": from_hex(Magma256),
        "BLUE_ORANGE": diverging(),
    }
    lines = [
        f'export const {name} =\n  "{base64.b64encode(table.tobytes()).decode()}";\n'
        for name, table in tables.items()
    ]
    target = Path(__file__).parents[1] / "lib" / "colormap_tables.js"
    target.write_text("\n".join([HEADER, *lines]), encoding="utf-8")


if __name__ == "__main__":
    main()
