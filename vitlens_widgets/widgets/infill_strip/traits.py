"""The kinds of choice that InfillStrip adds: a mask, a share, a seed."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from traitlets import HasTraits, TraitType

from vitlens_widgets.widgets.shared.traits import TraitUsageError

MOST_SEED = 2**53 - 1  # the largest whole number a browser counts to


class PatchMask(TraitType):
    """Which patches are hidden, bool `[patch]`, read-only; True is hidden.

    It is set with `[patch]` or `[row, column]`, booleans or the numbers 0 and 1, and travels as one
    byte a patch.

    Args:
        layout: Name of the widget's attribute that holds the patch grid.
    """

    def __init__(self, layout: str, **keywords: Any) -> None:
        super().__init__(**keywords)
        self._layout = layout
        self.tag(to_json=lambda mask, _: mask.astype(np.uint8).tobytes())

    def validate(self, obj: HasTraits, value: Any) -> np.ndarray:
        """Gives `value` as a read-only array of its own."""
        grid = getattr(obj, self._layout)
        mask = _as_array(value)
        if mask.shape not in ((grid.n_patches,), (grid.rows, grid.cols)):
            raise TraitUsageError(
                f"{self.name} must have the shape [{grid.n_patches}] or [{grid.rows}, {grid.cols}]"
                f"; the shape {list(mask.shape)} was given."
            )
        if mask.dtype != bool and not np.isin(mask, (0, 1)).all():
            raise TraitUsageError(
                f"{self.name} must hold booleans (True is hidden) or the numbers 0 and 1; "
                f"{mask.dtype} with other values was given."
            )
        mask = mask.reshape(-1).astype(bool)
        mask.setflags(write=False)
        return mask

    def set(self, obj: HasTraits, value: Any) -> None:
        """Sets a mask; an equal one is no change."""
        known = obj._trait_values.get(self.name)
        if known is None or not np.array_equal(known, self._validate(obj, value)):
            super().set(obj, value)


def _as_array(value: Any) -> np.ndarray:
    """What a user sets, or the bytes that a browser sends, as an array."""
    if isinstance(value, bytes | bytearray | memoryview):
        return np.frombuffer(value, np.uint8)
    try:
        return np.asarray(value.cpu() if hasattr(value, "cpu") else value)
    except ValueError:  # ragged
        return np.empty(0)


class Share(TraitType):
    """A number above 0 and below 1."""

    def validate(self, obj: HasTraits, value: Any) -> float:  # noqa: ARG002 - traitlets' signature
        """Gives `value` as a `float`."""
        try:
            number = float("nan") if isinstance(value, bool | str) else float(value)
        except (TypeError, ValueError):
            number = float("nan")
        if not 0 < number < 1:
            raise TraitUsageError(
                f"{self.name} must be a share of the patches, above 0 and below 1; {value!r} was "
                "given. To hide all or none, set mask."
            )
        return number


class Seed(TraitType):
    """A whole number from 0 on."""

    def validate(self, obj: HasTraits, value: Any) -> int:  # noqa: ARG002 - traitlets' signature
        """Gives `value` as an `int`."""
        try:
            number = -1 if isinstance(value, bool) else operator.index(value)
        except TypeError:
            number = -1
        if not 0 <= number <= MOST_SEED:
            raise TraitUsageError(
                f"{self.name} must be a whole number from 0 to {MOST_SEED}; {value!r} was given."
            )
        return number
