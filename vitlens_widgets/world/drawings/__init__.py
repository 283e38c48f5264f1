"""The sixteen drawings: each a function from randomness and colours to coloured polygons."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vitlens_widgets.world.drawings import animals, plants, sky, things
from vitlens_widgets.world.drawings.palette import Palette
from vitlens_widgets.world.drawings.shapes import Parts

DRAWINGS: dict[str, Callable[[np.random.Generator, Palette], Parts]] = {
    "cat": animals.cat,
    "dog": animals.dog,
    "heart": things.heart,
    "star": sky.star,
    "moon": sky.moon,
    "flower": plants.flower,
    "tree": plants.tree,
    "house": things.house,
    "fish": animals.fish,
    "mushroom": plants.mushroom,
    "apple": plants.apple,
    "sun": sky.sun,
    "umbrella": things.umbrella,
    "car": things.car,
    "boat": things.boat,
    "key": things.key,
}
"""Class name -> its drawing."""
