"""How far two ways to one number may lie apart before they are called different."""

from __future__ import annotations

import torch

# Relative to the largest value. Not the promise (the tests hold 1e-5 in float32), but what tells a
# broken assumption from rounding.
_TOLERANCE = {torch.float64: 1e-6, torch.float32: 1e-4}
_TOLERANCE_HALF = 5e-2


def tolerance_of(dtype: torch.dtype) -> float:
    """The largest difference that is rounding, relative to the largest value."""
    return _TOLERANCE.get(dtype, _TOLERANCE_HALF)
