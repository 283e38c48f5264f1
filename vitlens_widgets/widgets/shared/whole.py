"""The kind of choice that is a whole number between two bounds."""

from __future__ import annotations

from typing import Any

from traitlets import HasTraits, TraitType

from vitlens_widgets.errors import whole_number
from vitlens_widgets.widgets.shared.traits import TraitUsageError

MOST_SEED = 2**53 - 1
"""The largest whole number that a browser counts to."""


class Whole(TraitType[int, Any]):
    """A whole number.

    Args:
        least: The least that it may be.
        most: The most.
    """

    def __init__(self, least: int, most: int, **keywords: Any) -> None:
        super().__init__(**keywords)
        self._least = least
        self._most = most

    def validate(self, obj: HasTraits, value: Any) -> int:  # noqa: ARG002 - traitlets' signature
        """Gives `value` as an `int`."""
        number = whole_number(value)
        if number is None or not self._least <= number <= self._most:
            raise TraitUsageError(
                f"{self.name} must be a whole number from {self._least} to {self._most}; "
                f"{value!r} was given."
            )
        return number
