"""The pictures that a DecodedImages shows, for still pictures: unpacked from what is sent."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from vitlens_widgets.widgets.decoded_images.work import NUMBERS


class ShownPictures:
    """The arrays of a DecodedImages.

    Args:
        traits: The widget's traits by name.
    """

    def __init__(self, traits: dict[str, Any]) -> None:
        self.traits, self.meta = traits, traits["_meta"]
        self.names: list[str] = self.meta["state_names"]
        self.seeds: list[int] = self.meta["seeds"]
        self.layers, self.heads = self.meta["n_layers"], self.meta["n_heads"]

    @cached_property
    def input(self) -> np.ndarray:
        """uint8 `[height, width, 3]`."""
        return np.frombuffer(self.traits["_input"], "u1").reshape(*self.meta["input_size"], 3)

    @cached_property
    def states(self) -> np.ndarray:
        """uint8 `[state, seed, height, width, 3]`."""
        size = (len(self.names), len(self.seeds), *self.meta["state_size"], 3)
        return np.frombuffer(self.traits["_states"], "u1").reshape(size)

    @cached_property
    def state_numbers(self) -> np.ndarray:
        """`[state, seed, number]`; see `PictureWork`."""
        size = (len(self.names), len(self.seeds), NUMBERS)
        return np.frombuffer(self.traits["_state_numbers"], "<f4").reshape(size)

    @cached_property
    def others(self) -> np.ndarray:
        """How alike another image's states are, decoded, `[state]`."""
        return np.frombuffer(self.traits["_other_numbers"], "<f4")

    @cached_property
    def components(self) -> np.ndarray:
        """uint8 `[layer, head, height, width, 3]`, the MLP last; grey where nothing is made."""
        size = (self.layers, self.heads + 1, *self.meta["head_size"], 3)
        pictures = np.frombuffer(self.traits["_heads"], "u1").reshape(size).copy()
        pictures[np.isnan(self.numbers[..., 0])] = 240
        return pictures

    @cached_property
    def numbers(self) -> np.ndarray:
        """`[layer, head, number]`."""
        size = (self.layers, self.heads + 1, NUMBERS)
        return np.frombuffer(self.traits["_head_numbers"], "<f4").reshape(size)

    @cached_property
    def effects(self) -> np.ndarray:
        """Of ablation, `[layer, head]`."""
        return np.frombuffer(self.traits["_effects"], "<f4").reshape(self.layers, self.heads)

    @property
    def chosen(self) -> tuple[int, int] | None:
        """Block and column of the component that stands large."""
        column = {"head": self.traits["head"], "mlp": self.heads}.get(self.traits["show"])
        return None if column is None else (self.traits["layer"], column)

    @property
    def read(self) -> str:
        """What was decoded."""
        if self.meta["reads"] == "tokens":
            return "all tokens of each state, painted in one pass"
        return f"{self.meta['readout_name']}, normed and projected, decoded; one noise for all"

    @property
    def strength(self) -> str:
        """`"× 8"`."""
        return strength_words(self.meta["strength"])

    def similarity(self) -> np.ndarray:
        """Of each state's pictures to the input, mean over the seeds that are made, `[state]`."""
        values = self.state_numbers[..., 0]
        made = np.isfinite(values)
        return np.where(made.any(1), np.nansum(values, 1) / np.maximum(made.sum(1), 1), np.nan)


def strength_words(strength: float | str) -> str:
    """`"× 8"`, `"alone"`."""
    return strength if isinstance(strength, str) else f"× {strength:g}"
