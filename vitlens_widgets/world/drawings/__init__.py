"""The sixteen drawings: each a function from randomness and colours to coloured polygons."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vitlens_widgets.world.drawings import nature, things
from vitlens_widgets.world.drawings.shapes import Palette, Parts

DRAWINGS: dict[str, Callable[[np.random.Generator, Palette], Parts]] = {
    "cat": nature.cat,
    "dog": nature.dog,
    "heart": things.heart,
    "star": nature.star,
    "moon": nature.moon,
    "flower": nature.flower,
    "tree": nature.tree,
    "house": things.house,
    "fish": nature.fish,
    "mushroom": nature.mushroom,
    "apple": nature.apple,
    "sun": nature.sun,
    "umbrella": things.umbrella,
    "car": things.car,
    "boat": things.boat,
    "key": things.key,
}
"""Class name -> its drawing."""
