"""`Shown`: the images of an infilling, and the pieces in which many go through a model."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from torch import Tensor

TOKENS_AT_ONCE = 1024  # through encoder or decoder together: more at once is no faster


@dataclass(frozen=True, eq=False)
class Shown:
    """Images as the model takes them and as they are shown.

    Attributes:
        pixels: Normalised, `[image, 3, height, width]`, on the model's device.
        pictures: uint8 `[image, height, width, 3]`, read-only.
    """

    pixels: Tensor = field(repr=False)
    pictures: np.ndarray = field(repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pictures", read_only(self.pictures))

    @cached_property
    def brightness(self) -> np.ndarray:
        """The pictures, float32 from 0 to 1, read-only."""
        return read_only(self.pictures.astype(np.float32) / 255)

    def part(self, images: slice) -> Shown:
        """Some of the images."""
        return Shown(self.pixels[images], self.pictures[images])


def read_only(values: np.ndarray) -> np.ndarray:
    """A view that refuses to be written into, for what is kept and handed out."""
    view = values.view()
    view.flags.writeable = False
    return view


def batch_size_for(n_tokens: int) -> int:
    """How many images, or states of them, of so many tokens go through a model together."""
    return max(1, TOKENS_AT_ONCE // n_tokens)


def pieces(n_images: int, n_tokens: int) -> list[slice]:
    """The images that go through a model together."""
    step = batch_size_for(n_tokens)
    return [slice(i, i + step) for i in range(0, n_images, step)]
