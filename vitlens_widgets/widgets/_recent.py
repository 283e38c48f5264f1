"""Keeping what was computed last."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Recent:
    """A function that remembers its last few results.

    Args:
        compute: The function.
        most: How many results to keep.
    """

    def __init__(self, compute: Callable[..., Any], most: int = 4) -> None:
        self._compute = compute
        self._most = most
        self._found: dict[tuple, Any] = {}

    def __call__(self, *of: Any) -> Any:
        """The result for these arguments, which must be hashable."""
        found = self._found.pop(of, None) or self._compute(*of)
        self._found[of] = found
        while len(self._found) > self._most:
            del self._found[next(iter(self._found))]
        return found
