"""From an image to the pixels a checkpoint was trained on, and back for display."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from numbers import Real
from typing import Any, cast

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from vitlens_widgets.errors import UsageError, check_choice, said

DEFAULTS: dict[str, Any] = {"interpolation": "bicubic", "crop_pct": 0.875, "crop_mode": "center"}
_RULER = 512  # pixels of the longer side where it is only asked what is cropped
_WORDS = ("mean", "std", *DEFAULTS)
_CHOICES = {
    "interpolation": [
        "bicubic",
        "bilinear",
        "nearest",
        "nearest-exact",
        "lanczos",
        "box",
        "hamming",
    ],
    "crop_mode": ["center", "squash", "border"],
}


@dataclass(frozen=True)
class Preprocessing:
    """The checkpoint's own preprocessing in two steps: geometry, then `(x - mean) / std`.

    Args:
        size: (height, width) of the picture that the geometry gives.
        mean: Per channel, in units of [0, 1] brightness.
        std: Per channel, likewise.
        geometry: Resizes and crops an RGB image to `size`; the library's own transform.
        description: The geometry in words.
        own: The library's own pixels of one image, `[3, height, width]`, where they are finer than
            the levels of a picture.

    Raises:
        UsageError: A std that is 0 or less.
    """

    size: tuple[int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    geometry: Callable[[Image.Image], Image.Image] = field(repr=False)
    description: str = ""
    own: Callable[[Image.Image], Tensor] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if min(self.std) <= 0:
            raise UsageError(
                f"Pixels are divided by the std of each channel, which must be above 0, not "
                f"{list(self.std)}."
            )

    def picture(self, image: Image.Image) -> np.ndarray:
        """The image as the model sees it: uint8 `[height, width, 3]`, resized and cropped."""
        if self.own is not None:
            return self.undo(self.own(image)[None])[0]
        return np.array(self.geometry(image), dtype=np.uint8)

    def of(self, image: Image.Image) -> Tensor:
        """The pixels that the model is given, float32 `[3, height, width]`."""
        return self.pixels([self.picture(image)])[0] if self.own is None else self.own(image)

    def seen(self, width: int, height: int) -> float:
        """The share of an image of this form that the model sees, 0 .. 1; cropping takes the rest.

        Read off what the geometry makes of a picture whose brightness says the place.
        """
        scale = _RULER / max(width, height)
        across, down = (max(2, round(side * scale)) for side in (width, height))
        y, x = np.mgrid[:down, :across]
        ruler = np.stack([x * 255 / (across - 1), y * 255 / (down - 1), 0 * x], -1).astype(np.uint8)
        found = np.array(self.geometry(Image.fromarray(ruler)), dtype=float)[..., :2]
        extent = cast("np.ndarray", np.ptp(found, axis=(0, 1)))
        return float(np.minimum(1, (extent + 2) / 256).prod())

    def pixels(self, pictures: Sequence[np.ndarray] | np.ndarray) -> Tensor:
        """Pictures uint8 `[height, width, 3]` as normalised float32 `[image, 3, height, width]`."""
        stacked = torch.from_numpy(np.stack(list(pictures))).permute(0, 3, 1, 2)
        mean, std = self._per_channel()
        return (stacked.float() / 255 - mean) / std

    def undo(self, pixels: Tensor) -> np.ndarray:
        """Normalised pixels `[image, 3, height, width]` as uint8 `[image, height, width, 3]`.

        The exact inverse of `pixels` for what `pixels` made; values outside [0, 1] are clipped.
        """
        mean, std = self._per_channel()
        brightness = pixels.detach().float().cpu() * std + mean
        levels = (brightness * 255).round().clamp(0, 255).to(torch.uint8)
        return levels.permute(0, 2, 3, 1).contiguous().numpy()

    def _per_channel(self) -> tuple[Tensor, Tensor]:
        return torch.tensor(self.mean).view(-1, 1, 1), torch.tensor(self.std).view(-1, 1, 1)

    def __str__(self) -> str:
        mean, std = ([f"{value:.3g}" for value in values] for values in (self.mean, self.std))
        return f"{self.description}, mean {'/'.join(mean)}, std {'/'.join(std)}"


def from_timm_config(config: Mapping[str, Any], size: tuple[int, int]) -> Preprocessing:
    """timm's evaluation transform for a data configuration, at (height, width) `size`.

    Source: `timm.data.create_transform`, of which the resizing and cropping steps are used as
    they are.
    """
    from timm.data import create_transform

    words = {key: config[key] for key in (*DEFAULTS, "mean", "std")}
    _check_values(words)
    transform: Any = create_transform(input_size=(3, *size), **words)
    *geometry, _to_tensor, _normalise = transform.transforms

    def apply(image: Image.Image) -> Image.Image:
        for step in geometry:
            image = step(image)
        return image

    mode = {"center": "centre of the shorter edge"}.get(config["crop_mode"], config["crop_mode"])
    how = f"crop_pct {config['crop_pct']:g}, {mode}, {config['interpolation']}"
    return Preprocessing(size, tuple(config["mean"]), tuple(config["std"]), apply, f"timm: {how}")


def _check_values(words: Mapping[str, Any]) -> None:
    """Refuse what timm would stumble over.

    Raises:
        UsageError: A word has a value that it cannot have.
    """
    for word, choices in _CHOICES.items():
        check_choice(f"Of the preprocessing, {word}", words[word], choices)
    for word in ("mean", "std"):
        values = words[word] if isinstance(words[word], Iterable) else ()
        if [_is_number(value) for value in values] != [True] * 3:
            raise UsageError(_must_be(word, "three numbers, one for each channel", words[word]))
    if not (_is_number(words["crop_pct"]) and words["crop_pct"] > 0):
        raise UsageError(_must_be("crop_pct", "a share above 0", words["crop_pct"]))


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and isfinite(value)


def _must_be(word: str, expected: str, given: Any) -> str:
    return f"Of the preprocessing, {word} must be {expected}, not {given!r}."


def check_words(words: Mapping[str, Any]) -> None:
    """Refuse words that timm's data configuration does not know.

    Raises:
        UsageError: An unknown word.
    """
    if not isinstance(words, Mapping):
        raise UsageError(
            "preprocessing= takes a dict in timm's words, such as {'mean': (0.5, 0.5, 0.5), 'std': "
            f"(0.5, 0.5, 0.5)}}, not {said(words)}."
        )
    unknown = [word for word in words if word not in _WORDS]
    if unknown:
        raise UsageError(
            f"preprocessing= does not know {', '.join(map(repr, unknown))}; it takes timm's words: "
            f"{', '.join(_WORDS)}."
        )
