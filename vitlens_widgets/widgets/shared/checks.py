"""Whether what a widget is given can be shown: widgets know things by what they have."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from vitlens_widgets.errors import UsageError


def has_all(given: Any, names: Iterable[str]) -> bool:
    """Whether something has all these attributes."""
    return all(hasattr(given, name) for name in names)


def is_trace(given: Any) -> bool:
    """Whether it has what a trace has."""
    return has_all(given, ("states", "pictures", "layout", "tokens"))


def refusal(expected: str, given: Any) -> UsageError:
    """The error for something else.

    Args:
        expected: What is shown or taken, with an example, to begin the sentence.
        given: What was given instead.
    """
    return UsageError(f"{expected}; an object of type {type(given).__name__} was given.")
