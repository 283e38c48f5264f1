"""`Infilling`: what a masked autoencoder paints into hidden patches, state by state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from torch import Tensor

from vitlens_widgets.data import frame
from vitlens_widgets.errors import UsageError, check_type, said
from vitlens_widgets.lenses.infill import scores
from vitlens_widgets.lenses.infill.brightness import Statistics
from vitlens_widgets.lenses.infill.masks import check_share
from vitlens_widgets.lenses.infill.paintings import Paintings
from vitlens_widgets.lenses.infill.shown import Shown, pieces, read_only
from vitlens_widgets.models.live import Live, all_of
from vitlens_widgets.progress import progress
from vitlens_widgets.trace import ViT
from vitlens_widgets.trace.sites import check_index
from vitlens_widgets.trace.weights import SeenWeights

if TYPE_CHECKING:
    from pandas import DataFrame


class Painter(Protocol):
    """What is asked of an infill lens by what it made; see `InfillLens`."""

    name: str
    vit: ViT
    norm: bool
    statistics: Statistics | None

    def shown(self, images: Any, *, preprocessed: bool = False) -> Shown:
        """Images as `paint` takes them."""
        ...

    def mask(
        self, n_images: int, mask_ratio: float | None = None, seed: int = 2, mask: Any = None
    ) -> Tensor:
        """What to hide, bool `[image, patch]`."""
        ...

    def paint(self, shown: Shown, mask: Tensor) -> Infilling:
        """What is painted into the hidden patches."""
        ...


class Infilling(Live, Paintings):
    """Images, a mask, and what is painted from each state of the encoder.

    Everything is a NumPy array, read-only where it is kept. Pictures are `[image, height, width,
    3]`, brightness runs from 0 to 1, scores are `[state, image]`; state 0 is the embedding of the
    visible patches and the last one what the model itself paints.

    Made by a lens: `InfillLens(mae).read(images, mask_ratio=0.75, seed=2)`.

    Attributes:
        vit: The model.
        mask: What is hidden, bool `[image, patch]`.
        statistics: Where hidden patches' mean and deviation come from; None if the model paints
            pixels.
    """

    kept_by = "keep its arrays, np.save(path, infilling.pictures(state)), and read again"

    def __init__(
        self,
        lens: Painter,
        shown: Shown,
        mask: Tensor,
        painted: Tensor,
        weights: SeenWeights | None = None,
    ) -> None:
        super().__init__(lens.vit, shown, mask, painted, lens.statistics)
        self._lens = lens
        self._scores: dict[tuple[str, str], np.ndarray] = {}
        self._weights = weights or SeenWeights(lens.vit, "infilling", "read")

    def _shared(self) -> Iterable[object]:
        """The model and the lens."""
        return (self._lens, *all_of(self.vit))

    @property
    def lens(self) -> Painter:
        """The lens that read it."""
        return self._lens

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

    def error(self, state: int, reference: str = "original") -> np.ndarray:
        """Absolute error of each pixel, the mean of its colours: float32 `[image, height, width]`.

        Zero on visible patches, which are pasted.

        Args:
            state: The state to paint from, 0 to L.
            reference: `"original"`, or `"final"`: what is painted from the last state.

        Raises:
            UsageError: There is no such state, or another word for `reference`.
        """
        compared = self._compared(reference)
        return np.abs(self.pixels(state, paste=True) - compared).mean(axis=-1)

    def score(self, metric: str, reference: str = "original") -> np.ndarray:
        """How near each state's painting is, on the hidden patches alone: `[state, image]`.

        Args:
            metric: `"mse"`, `"psnr"`, `"ssim"` or `"perceptual"`, as defined in
                `vitlens_widgets.lenses.infill.scores`, of pasted pictures clipped to [0, 1].
            reference: `"original"`, or `"final"`: what is painted from the last state.

        Returns:
            float64; NaN for an image without a hidden patch.

        Raises:
            UsageError: An unknown metric, another word for `reference`, or, for `"perceptual"`,
                weights that have changed since.
        """
        scores.check_metric(metric)
        compared = self._compared(reference)
        if (metric, reference) not in self._scores:
            self._scores[metric, reference] = read_only(self._measured(metric, compared))
        return self._scores[metric, reference]

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

    def table(self, image: int = 0) -> DataFrame:
        """MSE, PSNR and SSIM of each state, against the original and the final painting.

        Raises:
            UsageError: There is no such image.
        """
        check_index("image", image, self.n_images)
        columns = {"state": self.state_names}
        for reference in scores.REFERENCES:
            for metric in ("mse", "psnr", "ssim"):
                columns[f"{metric} to {reference}"] = self.score(metric, reference)[
                    :, image
                ].tolist()
        return frame(columns, title=f"{self.lens_name} of {self.model_name}, image {image}")

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
        """Some images of the batch under their masks.

        Raises:
            UsageError: They are not given by a slice.
        """
        if not isinstance(images, slice):
            raise UsageError(
                f"Images of an infilling are given by a slice, such as slice(0, 4), not by "
                f"{said(images)}; only(image) gives a single one."
            )
        shown, mask = self._shown.part(images), self._mask[images]
        return Infilling(self._lens, shown, mask, self._painted[:, images], self._weights)

    def check_weights(self, what: str) -> None:
        """Refuse to compute with weights that are no longer those it was painted with.

        Raises:
            UsageError: The weights were changed in place, replaced or moved.
        """
        self._weights.check(what)

    def _measured(self, metric: str, reference: np.ndarray) -> np.ndarray:
        """A score of all states, `[state, image]`."""
        if metric in scores.OF_PIXELS:
            return scores.OF_PIXELS[metric](self._pasted(), reference, self.hidden)
        self.check_weights("compared by its encoder")
        columns: list[np.ndarray] = []
        batches = pieces(self.n_images, self.layout.n_patches)
        for images in progress(batches, "perceptual distance"):
            part, its = self.part(images), reference[images]
            columns.append(scores.perceptual(part._pasted(), its, part.mask, self.vit))
        return np.concatenate(columns, axis=1)

    def _pasted(self) -> Iterator[np.ndarray]:
        """What is scored: the pasted painting of each state in turn."""
        return (self.pixels(state, paste=True) for state in range(self.n_states))

    def _compared(self, reference: str) -> np.ndarray:
        if reference not in scores.REFERENCES:
            raise UsageError(f'reference is {reference!r}; it is "original" or "final".')
        return self._shown.brightness if reference == "original" else self._final

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


def check_infilling(infilling: Any, what: str) -> Infilling:
    """The infilling, if it is one.

    Args:
        infilling: What was given.
        what: Takes it, to begin the sentence.

    Raises:
        UsageError: It is something else.
    """
    such_as = "an infilling, such as vl.InfillLens(mae).read(images)"
    return check_type(what, infilling, Infilling, such_as)
