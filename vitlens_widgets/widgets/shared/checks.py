"""Whether what a widget is given can be shown: widgets know things by what they have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from vitlens_widgets.errors import UsageError, check_text


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


def distinct_names(thing: str, names: Sequence[Any]) -> list[str]:
    """Names of things, none of them twice.

    Args:
        thing: What has them, to be said.
        names: As given.

    Raises:
        UsageError: One is no text, empty, or there twice.
    """
    texts = [check_text(f"The name of a {thing}", name, "tuned lens").strip() for name in names]
    again = next((one for one in texts if texts.count(one) > 1), None)
    if again is not None:
        raise UsageError(
            f'"{again}" is the name of two: give each {thing} its own, as in '
            f'{{"one": {thing}, "another": other}}.'
        )
    if not all(texts):
        raise UsageError(f"The name of a {thing} has at least one letter.")
    return texts
