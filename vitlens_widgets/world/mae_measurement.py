"""What the evaluation of a masked autoencoder of the world found. Loads no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .measurement import Measurement

PIXELS, NORMALISED = "pixels", "normalised pixels"


@dataclass(frozen=True, slots=True)
class InfillMeasurement(Measurement):
    """Mean squared errors on the hidden patches; each is by number of objects.

    Attributes:
        mask_ratio: Share of the patches that were hidden, at random.
        paints: `"pixels"`: the errors are of brightness from 0 to 1; `"normalised pixels"`: of each
            patch minus its mean over its own deviation, so that any patch of one colour errs by
            nearly 1: (n - 1) / n for its n values, the variance being the unbiased one.
        error: Of what the decoder makes of each state of the encoder.
        mean_colour: Of painting the mean colour of the visible patches.
        nearest_patch: Of painting the nearest visible patch.
    """

    mask_ratio: float
    paints: str
    error: dict[int, tuple[float, ...]]
    mean_colour: dict[int, float]
    nearest_patch: dict[int, float]

    def sentences(self) -> list[str]:
        """The error at the final state, and those of two trivial answers."""
        unit = "brightness" if self.paints == PIXELS else "normalised pixels"
        flat = "the mean colour of the visible ones" if self.paints == PIXELS else "any one colour"
        return [
            f"On {self.scenes:,} held-out scenes each, {self.mask_ratio:.0%} of the patches hidden:"
            f" mean squared error of {unit} on the hidden patches {self.error[1][-1]:.4f} with one"
            f" object and {self.error[2][-1]:.4f} with two.",
            f"For comparison: painting hidden patches in {flat} has an error of"
            f" {self.mean_colour[1]:.4f} and {self.mean_colour[2]:.4f}; as the nearest visible"
            f" patch {self.nearest_patch[1]:.4f} and {self.nearest_patch[2]:.4f}.",
        ]

    def by_state(self) -> dict[str, Sequence[float]]:
        """The error; of pixels, whose errors are small, times a thousand."""
        times, scale = ("1000 × ", 1000) if self.paints == PIXELS else ("", 1)
        return {
            f"{times}MSE of {self.paints}, {count} object{'s' if count > 1 else ''}": tuple(
                scale * error for error in self.error[count]
            )
            for count in (1, 2)
        }
