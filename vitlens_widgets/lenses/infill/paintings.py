"""`Paintings`: what is painted into hidden patches, from each state, in several units."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from torch import Tensor

from vitlens_widgets import masks
from vitlens_widgets.lenses.infill.brightness import Statistics, patch_statistics, to_brightness
from vitlens_widgets.lenses.infill.shown import Shown, read_only
from vitlens_widgets.models import TokenLayout
from vitlens_widgets.trace import ViT
from vitlens_widgets.trace.sites import check_index

GREY = np.uint8(128)  # of hidden patches in `Paintings.masked`


class Paintings:
    """Images, a mask, and what is painted from each state of the encoder.

    Everything is a NumPy array, read-only where it is kept. Pictures are `[image, height, width,
    3]`, brightness runs from 0 to 1; state 0 is the embedding of the visible patches and the last
    one what the model itself paints.

    Args:
        vit: The model.
        shown: The images.
        mask: What is hidden, bool `[image, patch]`.
        painted: What the decoder gives, float32 `[state, image, patch, height * width * 3]`.
        statistics: Where hidden patches' mean and deviation come from; None if the model paints
            pixels.
    """

    def __init__(
        self,
        vit: ViT,
        shown: Shown,
        mask: Tensor,
        painted: Tensor,
        statistics: Statistics | None,
    ) -> None:
        self.vit = vit
        self.statistics: Statistics | None = statistics
        self.mask: np.ndarray = read_only(mask.numpy())
        self._shown, self._mask, self._painted = shown, mask, painted

    @property
    def n_states(self) -> int:
        """L + 1, for the L blocks of the encoder."""
        return len(self._painted)

    @property
    def n_images(self) -> int:
        """How many images were read together."""
        return len(self.mask)

    @property
    def state_names(self) -> list[str]:
        """`["0_pre", "1_pre", ..., "final"]`."""
        return self.vit.state_names

    @property
    def layout(self) -> TokenLayout:
        """The patch grid, and CLS before it."""
        return self.vit.layout

    @property
    def original(self) -> np.ndarray:
        """The images as the model sees them whole, uint8 `[image, height, width, 3]`."""
        return self._shown.pictures

    @property
    def masked(self) -> np.ndarray:
        """The originals with the hidden patches in grey, uint8."""
        return np.where(self.hidden[..., None], GREY, self.original)

    @cached_property
    def hidden(self) -> np.ndarray:
        """Which pixels are hidden, bool `[image, height, width]`."""
        patches = self.layout.to_grid(self.mask)
        return read_only(masks.enlarged(patches, self.vit.patch_size))

    def painted(self, state: int) -> np.ndarray:
        """What the decoder itself gives, float32 `[image, patch, height * width * 3]`.

        In the units the model was trained on, for hidden and visible patches; a patch's values run
        row by row, colours last. At the last state, the model's own `logits`.

        Raises:
            UsageError: There is no such state.
        """
        return self._patches(state).numpy().copy()

    def pixels(self, state: int, *, paste: bool = False, clip: bool = True) -> np.ndarray:
        """What is painted, in brightness: float32 `[image, height, width, 3]`.

        Args:
            state: The state to paint from, 0 to L.
            paste: Whether visible patches are those of the original; the model was never asked to
                paint them.
            clip: Whether to cut off what is below 0 or above 1.

        Raises:
            UsageError: There is no such state.
        """
        patches = self._patches(state)
        if self._patch_statistics is not None:
            mean, deviation = self._patch_statistics
            patches = patches * deviation + mean
        pixels = to_brightness(patches, self.vit)
        pixels = (pixels.clamp(0, 1) if clip else pixels).numpy()
        return np.where(self.hidden[..., None], pixels, self._shown.brightness) if paste else pixels

    def pictures(self, state: int, *, paste: bool = True) -> np.ndarray:
        """What is painted, as pictures: uint8 `[image, height, width, 3]`.

        Args:
            state: The state to paint from, 0 to L.
            paste: Whether visible patches are those of the original.

        Raises:
            UsageError: There is no such state.
        """
        return (self.pixels(state, paste=paste) * 255).round().astype(np.uint8)

    def _patches(self, state: int) -> Tensor:
        return self._painted[check_index("state", state, self.n_states)]

    @cached_property
    def _patch_statistics(self) -> tuple[Tensor, Tensor] | None:
        if self.statistics is None:
            return None
        mean, deviation = patch_statistics(
            self._shown.pixels, self._mask, self.layout, self.statistics
        )
        return mean.cpu(), deviation.cpu()
