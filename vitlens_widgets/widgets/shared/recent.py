"""Keeping what was computed last."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")


class Recent(Generic[Result]):
    """A function that remembers its last few results.

    Args:
        compute: The function.
        most: How many results to keep.
    """

    def __init__(self, compute: Callable[..., Result], most: int = 4) -> None:
        self._compute = compute
        self._most = most
        self._results: dict[tuple[Any, ...], Result] = {}

    def __call__(self, *of: Any) -> Result:
        """The result for these arguments, which must be hashable."""
        result = self._results.pop(of) if of in self._results else self._compute(*of)
        self._results[of] = result
        while len(self._results) > self._most:
            del self._results[next(iter(self._results))]
        return result
