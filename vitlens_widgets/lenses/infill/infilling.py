"""`Infilling`: what a masked autoencoder paints into hidden patches, state by state."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from vitlens_widgets import masks
from vitlens_widgets.data import Table
from vitlens_widgets.errors import UsageError
from vitlens_widgets.lenses.infill import scores
from vitlens_widgets.lenses.infill.brightness import patch_statistics, to_brightness
from vitlens_widgets.lenses.infill.masks import check_share
from vitlens_widgets.lenses.infill.objects import ObjectIoU, object_iou
from vitlens_widgets.lenses.infill.shown import Shown, read_only
from vitlens_widgets.models import TokenLayout
from vitlens_widgets.trace import ViT
from vitlens_widgets.trace.sites import check_index
from vitlens_widgets.trace.weights import SeenWeights

if TYPE_CHECKING:
    from vitlens_widgets.lenses.infill.lens import InfillLens

GREY = np.uint8(128)  # of hidden patches in `Infilling.masked`


class Infilling:
    """Images, a mask, and what is painted from each state of the encoder.

    Everything is a NumPy array, read-only where it is kept. Pictures are `[image, height, width,
    3]`, brightness runs from 0 to 1, scores are `[state, image]`; state 0 is the embedding of the
    visible patches and the last one what the model itself paints.

    Made by a lens: `InfillLens(mae).read(images, mask_ratio=0.75, seed=2)`.

    Attributes:
        vit: The model.
        mask: What is hidden, bool `[image, patch]`.
    """

    def __init__(
        self,
        lens: InfillLens,
        shown: Shown,
        mask: Tensor,
        painted: Tensor,
        weights: SeenWeights | None = None,
    ) -> None:
        self._lens, self._shown, self._painted = lens, shown, painted
        self._mask = mask
        self._scores: dict[tuple[str, str], np.ndarray] = {}
        self.vit: ViT = lens.vit
        self.mask: np.ndarray = read_only(mask.numpy())
        self._weights = weights or SeenWeights(lens.vit, "infilling", "read")

    @property
    def lens(self) -> InfillLens:
        """The lens that read it."""
        return self._lens

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
    def model_name(self) -> str:
        """What the model was loaded as."""
        return self.vit.name

    @property
    def lens_name(self) -> str:
        """Which lens this is from, with what it does otherwise than the model."""
        lens = self._lens
        norm = "" if lens.norm else " without the final norm"
        leak = " with the hidden patches' own statistics" if lens.statistics == "target" else ""
        return f"{lens.name}{norm}{leak}"

    @property
    def statistics(self) -> str | None:
        """Where hidden patches' mean and deviation come from; None if the model paints pixels."""
        return self._lens.statistics

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
        if self.statistics is not None:
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

    def error(self, state: int, against: str = "original") -> np.ndarray:
        """Absolute error of each pixel, the mean of its colours: float32 `[image, height, width]`.

        Zero on visible patches, which are pasted.

        Args:
            state: The state to paint from, 0 to L.
            against: `"original"`, or `"final"`: what is painted from the last state.

        Raises:
            UsageError: There is no such state, or another word for `against`.
        """
        reference = self._reference(against)
        return np.abs(self.pixels(state, paste=True) - reference).mean(axis=-1)

    def score(self, metric: str, against: str = "original") -> np.ndarray:
        """How near each state's painting is, on the hidden patches alone: `[state, image]`.

        Args:
            metric: `"mse"`, `"psnr"`, `"ssim"` or `"perceptual"`, as defined in
                `vitlens_widgets.lenses.infill.scores`, of pasted pictures clipped to [0, 1].
            against: `"original"`, or `"final"`: what is painted from the last state.

        Returns:
            float64; NaN for an image without a hidden patch.

        Raises:
            UsageError: An unknown metric, another word for `against`, or, for `"perceptual"`,
                weights that have changed since.
        """
        scores.check_metric(metric)
        reference = self._reference(against)
        if (metric, against) not in self._scores:
            self._scores[metric, against] = read_only(scores.METRICS[metric](self, reference))
        return self._scores[metric, against]

    def iou(self, truth: Any, segmenter: ViT) -> ObjectIoU:
        """How well a segmenting ViT finds the objects in what is painted; see `ObjectIoU`.

        Args:
            truth: The class of each pixel, whole numbers `[image, height, width]` in the order of
                the segmenter's labels: for scenes of the world, their `class_mask`.
            segmenter: A ViT whose patches name what they show, `vl.load("toy/p32-taught")` for the
                world.

        Raises:
            UsageError: A truth of another shape, or a model without a classifier.
        """
        return object_iou(self, truth, segmenter)

    def converged(self, share: float = 0.1) -> np.ndarray:
        """The state from which on the painting stays near the final one, int64 `[image]`.

        The first state k such that at every state from k on, the MSE to the final painting is at
        most `share` of what it is at the state where it is largest. It is L at the latest; 0 where
        nothing is hidden.

        Args:
            share: Above 0 and below 1.

        Raises:
            UsageError: A share outside (0, 1).
        """
        near = check_share("share", share)
        return scores.first_near(np.nan_to_num(self.score("mse", "final")), near)

    def table(self, image: int = 0) -> Table:
        """MSE, PSNR and SSIM of each state, against the original and the final painting.

        Raises:
            UsageError: There is no such image.
        """
        check_index("image", image, self.n_images)
        columns = {"state": self.state_names}
        for against in scores.AGAINST:
            for metric in ("mse", "psnr", "ssim"):
                columns[f"{metric} to {against}"] = self.score(metric, against)[:, image].tolist()
        return Table(columns, title=f"{self.lens_name} of {self.model_name}, image {image}")

    def rerun(
        self, *, mask_ratio: float | None = None, seed: int = 2, mask: Any = None
    ) -> Infilling:
        """The same images under another mask; arguments and errors as for `InfillLens.read`.

        Raises:
            UsageError: Also where the model's weights have changed since.
        """
        self.check_weights("painted again")
        again = self._lens.mask(self.n_images, mask_ratio, seed, mask)
        return self._lens.paint(self._shown, again)

    def only(self, image: int) -> Infilling:
        """One image of the batch under its mask, as an infilling of its own.

        Raises:
            UsageError: There is no such image.
        """
        first = check_index("image", image, self.n_images)
        return self.part(slice(first, first + 1))

    def part(self, images: slice) -> Infilling:
        """Some images of the batch under their masks."""
        shown, mask = self._shown.part(images), self._mask[images]
        return Infilling(self._lens, shown, mask, self._painted[:, images], self._weights)

    def check_weights(self, what: str) -> None:
        """Refuse to compute with weights that are no longer those it was painted with.

        Raises:
            UsageError: The weights were changed in place, replaced or moved.
        """
        self._weights.check(what)

    def _patches(self, state: int) -> Tensor:
        return self._painted[check_index("state", state, self.n_states)]

    @cached_property
    def _patch_statistics(self) -> tuple[Tensor, Tensor]:
        mean, deviation = patch_statistics(
            self._shown.pixels, self._mask, self.layout, self.statistics
        )
        return mean.cpu(), deviation.cpu()

    def _reference(self, against: str) -> np.ndarray:
        if against not in scores.AGAINST:
            raise UsageError(f'against is {against!r}; it is "original" or "final".')
        return self._shown.brightness if against == "original" else self._final

    @cached_property
    def _final(self) -> np.ndarray:
        return self.pixels(self.n_states - 1, paste=True)

    def __repr__(self) -> str:
        images = "1 image" if self.n_images == 1 else f"{self.n_images} images"
        hidden = sorted(set(self.mask.sum(axis=1).tolist()))
        span = str(hidden[0]) if len(hidden) == 1 else f"{hidden[0]} to {hidden[-1]}"
        leaks = " (LEAKS the answer)" if self.statistics == "target" else ""
        statistics = f", statistics: {self.statistics}{leaks}" if self.statistics else ""
        return (
            f"Infilling({self.lens_name} of {self.model_name}: {self.n_states} states, {images}, "
            f"{span} of {self.layout.n_patches} patches hidden{statistics})"
        )
