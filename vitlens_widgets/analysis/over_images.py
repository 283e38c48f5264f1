"""A mean over images, how far they spread, and how sure the mean is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class OverImages:
    """What images have in common, each `[...]` without their axis; NaN where nothing was measured.

    Attributes:
        mean: Over those images that have a value.
        deviation: Their standard deviation (n - 1); NaN for fewer than two.
        half: Half the width of the mean's 95 % confidence interval, Student's t over images.
        n: How many images have a value, int64.
    """

    mean: np.ndarray
    deviation: np.ndarray
    half: np.ndarray
    n: np.ndarray

    @property
    def low(self) -> np.ndarray:
        """The lower end of the interval."""
        return self.mean - self.half

    @property
    def high(self) -> np.ndarray:
        """The upper end of the interval."""
        return self.mean + self.half

    def at(self, place: Any) -> OverImages:
        """What is at one index of all arrays."""
        return OverImages(self.mean[place], self.deviation[place], self.half[place], self.n[place])


class ShareOfImages(OverImages):
    """How many images are so, of 0 and 1: its interval is Wilson's, which stays from 0 to 1.

    Student's leaves it where images are few, and has no width where all say the same. `half` is the
    wider side.
    """

    @property
    def low(self) -> np.ndarray:
        """The lower end of the interval."""
        return wilson(self.mean, self.n)[0]

    @property
    def high(self) -> np.ndarray:
        """The upper end of the interval."""
        return wilson(self.mean, self.n)[1]


def share_of_images(found: OverImages) -> ShareOfImages:
    """The same mean of 0 and 1, with Wilson's interval."""
    low, high = wilson(found.mean, found.n)
    half = np.maximum(found.mean - low, high - found.mean)
    return ShareOfImages(found.mean, found.deviation, half, found.n)


def over_images(values: np.ndarray, level: float = 0.95) -> OverImages:
    """Mean and spread along the last axis, the images; NaN means that an image has no value."""
    there = ~np.isnan(values)
    n = there.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(there, values, 0).sum(axis=-1) / n
        squares = np.where(there, (values - mean[..., None]) ** 2, 0).sum(axis=-1)
        deviation = np.sqrt(np.where(n > 1, squares / (n - 1), np.nan))
    return OverImages(mean, deviation, half_width(deviation, n, level), n)


def half_width(deviation: np.ndarray, n: np.ndarray, level: float = 0.95) -> np.ndarray:
    """Half the width of a mean's confidence interval, by Student's t over n images."""
    from scipy.stats import t  # a second to import, and only this needs it

    with np.errstate(invalid="ignore", divide="ignore"):
        return deviation / np.sqrt(n) * t.ppf((1 + level) / 2, np.maximum(n - 1, 1))


def wilson(share: np.ndarray, n: np.ndarray, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """The ends of the confidence interval of a share of n; NaN where n is 0.

    Source:
        Wilson (1927), "Probable inference, the law of succession, and statistical inference".
    """
    from scipy.stats import norm  # a second to import

    z = norm.ppf((1 + level) / 2)
    with np.errstate(invalid="ignore", divide="ignore"):
        middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + (z / (2 * n)) ** 2)
    # a last digit aside, the share lies between its ends, also where it is 0 or 1
    return np.minimum(middle - half, share).clip(0), np.maximum(middle + half, share).clip(None, 1)
