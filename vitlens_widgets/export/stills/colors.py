"""The colours of data: the one source of the tables that the front end draws with, too.

js/scripts/colormap_tables.py writes js/lib/colormap_tables.js from here.
"""

from __future__ import annotations

import functools

import numpy as np

BLUE_ORANGE = ("#448ee0", "#eeeeee", "#eb7f0e")
"""The ends and the middle of the map for numbers of both signs."""

BLUE_ORANGE_DARK = ("#448ee0", "#1e1e1e", "#eb7f0e")
"""The same where it stands by itself on a dark page: a bright zero would be all that is seen."""

CLASS_COLORS = ("#009C5A", "#AB6DA7", "#E59D00", "#58BBF7", "#C85A0D", "#0060DA", "#FFF261")
"""Colours of the most frequent classes, green and pink first, most emoji being yellow; afterwards
they come again, hatched. They are those of Okabe & Ito (2008), moved until any two differ by more
than 11 of CIEDE2000 as they are seen over a picture, with full and with any kind of colour vision
(tests/widgets/test_colormaps.py)."""

OTHER_COLOR = "#999999"
"""The colour of all classes after these."""


@functools.cache
def table(name: str) -> np.ndarray:
    """A colour map, uint8 `[256, 3]`: "viridis", "cividis", "magma" as in Bokeh, or ours."""
    from bokeh import palettes

    of_both_signs = {"blue_orange": BLUE_ORANGE, "blue_orange_dark": BLUE_ORANGE_DARK}
    if name in of_both_signs:
        found = palettes.interp_palette(of_both_signs[name], 256)
        return np.stack([bytes_of(color) for color in found])
    return np.stack([bytes_of(color) for color in getattr(palettes, f"{name.capitalize()}256")])


def bytes_of(color: str) -> np.ndarray:
    """`"#009E73"` -> uint8 `[3]`; an opacity after it is left out."""
    return np.frombuffer(bytes.fromhex(color[1:7]), np.uint8)
