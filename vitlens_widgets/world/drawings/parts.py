"""What a drawing is."""

from __future__ import annotations

import numpy as np

from ..palette import Color

Parts = list[tuple[np.ndarray, Color]]
"""Filled polygons of the unit box, `([point, 2], colour)`, painted in this order."""
