"""Bins of activations, four to an octave, the same for every neuron and known beforehand.

So counts of batches add up, exactly, whatever the largest activation will turn out to be.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

_FIRST, _LAST = -12, 12
"""Exponents of 2 between which the bins lie."""
_AN_OCTAVE = 4
_SHIFT = 21  # bits of a float32's fraction that do not tell the bins of an octave apart
_BIAS = 127  # of a float32's exponent

SILENT, FAINT = 0, 1
"""The bins of what is not above 0, and of what is above, but below all others."""
N_BINS = (_LAST - _FIRST) * _AN_OCTAVE + 3
"""With those two, and one for what is above all others."""

_lower = [
    2.0**octave * (1 + part / _AN_OCTAVE)
    for octave in range(_FIRST, _LAST)
    for part in range(_AN_OCTAVE)
]
EDGES = np.array([-np.inf, 0.0, *_lower, 2.0**_LAST, np.inf])
"""Where the bins begin and the last one ends, float64 `[N_BINS + 1]`.

A bin has its lower end, but for the first two: 0 is silent.
"""


def as_bins_above(values: Tensor) -> Tensor:
    """The bin of each activation above 0, int32, in place of the values; FAINT of what is silent.

    Bits of positive numbers stand in the order of the numbers. It is for loops over all patches,
    which know how many are silent anyway: `bins_of` has them apart.

    Args:
        values: Float32, without NaN; they are gone afterwards.
    """
    first = (_BIAS + _FIRST) * _AN_OCTAVE
    bits = values.view(torch.int32).bitwise_right_shift_(_SHIFT)
    return bits.sub_(first - 2).clamp_(FAINT, N_BINS - 1)


def bins_of(values: Tensor) -> Tensor:
    """The bin of each activation, int64 of the same shape.

    Args:
        values: Float32, without NaN.
    """
    return as_bins_above(values.clone()).mul_(values > 0).long()
