"""Images of other channels than red, green and blue: pixels of any number, three or one shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, cast

import numpy as np
from PIL import Image
from torch import Tensor

from vitlens_widgets.errors import UsageError
from vitlens_widgets.models.preprocessing import Preprocessing


@dataclass(frozen=True)
class ChannelsPreprocessing(Preprocessing):
    """Of a model whose images are no pictures; it is given pixels, and some channels are shown.

    Args:
        shown: The channels seen as red, green and blue, or the one seen in grey.
    """

    shown: tuple[int, ...] = ()

    def undo(self, pixels: Tensor) -> np.ndarray:
        """The channels that are shown, `[image, channel, height, width]` to uint8 pictures.

        Values times std plus mean are black at 0 and white at 1.
        """
        levels = super().undo(pixels)[..., list(self.shown)]
        return np.repeat(levels, 3, axis=-1) if len(self.shown) == 1 else levels

    def pixels(self, pictures: Sequence[np.ndarray] | np.ndarray) -> NoReturn:  # noqa: ARG002
        """Refused; see `Preprocessing.pixels`."""
        self.refuse()

    def refuse(self, *_: Any) -> NoReturn:
        """Refuse a picture.

        Raises:
            UsageError: Always.
        """
        n = len(self.mean)
        raise UsageError(
            f"This model reads {n} channel{'s' * (n > 1)}, not pictures; give its own pixels, a "
            f"tensor [image, {n}, height, width], with preprocessed=True."
        )


def _several(word: Any) -> tuple[Any, ...]:
    return tuple(cast("Sequence[Any]", word)) if isinstance(word, Sequence) else (word,)


def of_channels(
    n_channels: int, given: Mapping[str, Any] | None, size: tuple[int, int]
) -> ChannelsPreprocessing:
    """What a user says of a model that reads other channels than red, green and blue.

    Args:
        n_channels: How many it reads.
        given: `{"mean": ..., "std": ..., "shown": ...}`; mean and std for each channel.
        size: (height, width) in pixels.

    Raises:
        UsageError: It says too little, or names channels that are not there.
    """
    words = dict(given or {})
    told = [words.pop(word, ()) for word in ("mean", "std", "shown")]
    mean, std, shown = (_several(word) for word in told)
    right = {len(mean), len(std)} == {n_channels} and len(shown) in (1, 3) and not words
    if not right or any(channel not in range(n_channels) for channel in shown):
        raise UsageError(
            f"This model reads {n_channels} channel{'s' * (n_channels > 1)}, of which no picture "
            'tells how they look; say preprocessing={"mean": ..., "std": ..., "shown": ...} with '
            f"a mean and a std for each of the {n_channels} and, as shown, the channels (0 .. "
            f"{n_channels - 1}) seen as (red, green, blue) or the one seen in grey."
        )
    names = "red, green, blue" if len(shown) == 3 else "grey"
    description = f"channels {', '.join(map(str, shown))} of {n_channels} shown as {names}"
    made = ChannelsPreprocessing(size, mean, std, _no_picture, description, shown=shown)
    object.__setattr__(made, "geometry", made.refuse)
    return made


def _no_picture(image: Image.Image) -> Image.Image:
    return image
