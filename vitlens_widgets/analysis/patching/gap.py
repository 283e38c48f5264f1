"""The gap between the clean and the corrupted answer, by which effects are measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vitlens_widgets.analysis.over_images import OverImages, half_width, over_images
from vitlens_widgets.errors import UsageError

_OF_FUNCTION = 1e-3  # of the larger answer: nothing else is known of a function's numbers


@dataclass(frozen=True, eq=False)
class Gap:
    """What a metric says of both runs, image by image.

    Attributes:
        clean: Of the clean run, float64 `[image]`.
        corrupted: Of the corrupted run, float64 `[image]`.
        least: Answers that differ by less are taken for the same.
        metric: What the numbers are, for people.
    """

    clean: np.ndarray
    corrupted: np.ndarray
    least: float
    metric: str

    @property
    def size(self) -> np.ndarray:
        """Clean less corrupted, float64 `[image]`."""
        return self.clean - self.corrupted

    @property
    def is_enough(self) -> np.ndarray:
        """Whether there is something to divide by, bool `[image]`."""
        return np.abs(self.size) >= self.least

    @property
    def mean_is_enough(self) -> bool:
        """Whether there is something to divide the mean over images by."""
        return bool(np.abs(self.size.mean()) >= self.least)

    def effect(self, values: np.ndarray) -> np.ndarray:
        """The normalised effect: 0 is the corrupted run's answer, 1 the clean run's.

        `(m - m_corrupted) / (m_clean - m_corrupted)`, in denoising as in noising; NaN for an image
        whose gap is too small.

        Args:
            values: The metric of the run with values exchanged, `[image, ...]`.
        """
        to_axes = (slice(None), *(None,) * (values.ndim - 1))
        size = np.where(self.is_enough, self.size, np.nan)[to_axes]
        return (values - self.corrupted[to_axes]) / size

    def over_pairs(self, values: np.ndarray) -> OverImages:
        """The effect of all pairs together: the mean change over the mean gap, with its interval.

        A ratio of means, so that a pair with a small gap does not outweigh all others; its 95 %
        interval is that of the linearised ratio (delta method), by Student's t over pairs. Pairs
        whose gap is too small are in it; they change both means by little.

        Args:
            values: The metric of the run with values exchanged, `[image, ...]`; NaN: not measured.

        Source: Wang et al. (2023), section 3.2, who divide mean logit differences; Cochran (1977),
        section 6.3, for the variance of a ratio.
        """
        change = np.moveaxis(values, 0, -1) - self.corrupted
        n, gap = len(self.size), self.size.mean() if self.mean_is_enough else np.nan
        mean: np.ndarray = np.asarray(change.mean(-1) / gap)
        off = (change - mean[..., None] * self.size) / gap
        variance = (off**2).sum(-1) / (n - 1) if n > 1 else np.full(mean.shape, np.nan)
        deviation = np.asarray(np.sqrt(variance))
        count = np.where(np.isnan(mean), 0, n)
        return OverImages(mean, deviation, half_width(deviation, np.full(mean.shape, n)), count)

    def mean_of(self, values: np.ndarray) -> OverImages:
        """The metric itself over pairs, `[image, ...]` to `[...]`."""
        return over_images(np.moveaxis(values, 0, -1))

    def sentence(self) -> str:
        """The gap's sign and size, and of how many images it is too small."""
        clean, corrupted, size = (
            f"{one.mean():.3g}" for one in (self.clean, self.corrupted, self.size)
        )
        several = len(self.size) > 1
        said = f"{self.metric}: clean {clean}, corrupted {corrupted}, gap {size}"
        if several:
            positive = int((self.size > 0).sum())
            said += f" (means of {len(self.size)} pairs; the gap is positive in {positive})"
        too_small = int((~self.is_enough).sum())
        if too_small:
            said += f"; {self._too_small(too_small)}"
        return said

    def check(self) -> None:
        """Refuse to divide by a gap that is too small in every image.

        Raises:
            UsageError: It is.
        """
        if not self.is_enough.any():
            raise UsageError(f"{self.sentence()}; look at the metric itself, or take another pair.")

    def _too_small(self, n: int) -> str:
        which = f"in {n} of them"
        if len(self.size) == 1:
            is_same = not self.size.any()
            which = (
                "both images get the same answer" if is_same else "the answers differ too little"
            )
        return f"{which}: a gap below {self.least:.3g} is too small to divide by"


def gap_of(clean: np.ndarray, corrupted: np.ndarray, least: float | None, metric: str) -> Gap:
    """The gap; without a least one that is known, a thousandth of the larger answers.

    It is above 0 in any case: by nothing there is no dividing.

    Raises:
        UsageError: Answers that are no finite numbers.
    """
    if not (np.isfinite(clean).all() and np.isfinite(corrupted).all()):
        raise UsageError(
            f"{metric} gives NaN or infinity for a clean or a corrupted run; what is asked of an "
            "answer must be a finite number for each image."
        )
    if least is None:
        least = _OF_FUNCTION * float(max(np.abs(clean).max(), np.abs(corrupted).max()))
    return Gap(clean, corrupted, max(least, np.finfo(float).tiny), metric)
