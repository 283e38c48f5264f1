"""`Film`: what every patch answers in every state."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

ExamplesFrom = Literal["state", "final"]


class Film(NamedTuple):
    """What every patch answers in every state."""

    chances: np.ndarray
    """Probabilities, float32 `[state, image, row, col, class]`, NaN where a patch was dropped."""

    @property
    def answers(self) -> np.ndarray:
        """The most probable class, int64 `[state, image, row, col]`; -1 at a dropped patch."""
        dropped = np.isnan(self.chances[..., 0])
        return np.where(dropped, -1, self.chances.argmax(-1))

    @property
    def probability(self) -> np.ndarray:
        """Its probability, float32 `[state, image, row, col]`."""
        return self.chances.max(-1)
