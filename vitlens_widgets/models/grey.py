"""Models of one channel: every picture as its luminance, shown as grey."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, cast

import numpy as np
from PIL import Image
from torch import Tensor

from vitlens_widgets.errors import UsageError
from vitlens_widgets.models.preprocessing import Preprocessing


@dataclass(frozen=True)
class GreyPreprocessing(Preprocessing):
    """Of a model that reads one channel: the luminance as Pillow's mode L has it, then geometry.

    Source: timm converts images to L as they are read (`input_img_mode`); torchvision's `Grayscale`
    does the same to images of Pillow.
    """

    def picture(self, image: Image.Image) -> np.ndarray:
        """The image as the model sees it: uint8 `[height, width, 3]`, three times the same."""
        return super().picture(_grey(image))

    def pixels(self, pictures: Sequence[np.ndarray] | np.ndarray) -> Tensor:
        """Pictures uint8 `[height, width, 3]` as normalised float32 `[image, 1, height, width]`."""
        every = [np.array(_grey(Image.fromarray(picture)))[..., :1] for picture in pictures]
        return super().pixels(every)

    def undo(self, pixels: Tensor) -> np.ndarray:
        """Pixels `[image, 1, height, width]` as uint8 `[image, height, width, 3]`, in grey."""
        return np.repeat(super().undo(pixels), 3, axis=-1)


def in_grey(colored: Preprocessing) -> GreyPreprocessing:
    """The same for one channel.

    Raises:
        UsageError: Red, green and blue have several means or stds: none is that of the one channel.
    """
    if len(set(colored.mean)) > 1 or len(set(colored.std)) > 1:
        raise UsageError(
            "This model reads one channel, and its preprocessing names "
            f"{_said(colored.mean)} as mean and {_said(colored.std)} as std of red, green and "
            'blue; say those of its channel: preprocessing={"mean": 0.5, "std": 0.5} or what it '
            "was trained with."
        )
    own = colored.own
    return GreyPreprocessing(
        colored.size,
        colored.mean[:1],
        colored.std[:1],
        colored.geometry,
        f"luminance (Pillow's L), {colored.description}",
        None if own is None else lambda image: own(_grey(image))[:1],
    )


def of_one(words: Mapping[str, Any], at: Sequence[str] = ("mean", "std")) -> dict[str, Any]:
    """The words of a preprocessing, in which mean and std of one channel become three alike.

    Args:
        words: Those of one channel: a number, a list of one, or what was said of three.
        at: What mean and std are called.

    Raises:
        UsageError: There is another number of them.
    """
    return {word: _alike(word, v) if word in at else v for word, v in words.items()}


def _alike(word: str, value: Any) -> Any:
    if isinstance(value, Real):
        return (value,) * 3
    if not isinstance(value, Sequence):
        return value
    several = list(cast("Sequence[Any]", value))
    if len(several) not in (1, 3):
        raise UsageError(
            f"This model reads one channel; expected one number as its {word}, not {value!r}."
        )
    return tuple(several * (3 // len(several)))


def _grey(image: Image.Image) -> Image.Image:
    return image.convert("L").convert("RGB")


def _said(values: Sequence[float]) -> str:
    return "/".join(f"{value:.3g}" for value in values)
