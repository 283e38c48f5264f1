"""The progress of long work: shown once it has taken longer than a second, gone when it is done."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from tqdm.auto import tqdm

_QUIET_SECONDS = 1

Step = TypeVar("Step")


def progress(steps: Iterable[Step], what: str, total: int | None = None) -> Iterable[Step]:
    """The steps, counted on a bar as they are taken.

    Args:
        steps: What is done one after the other.
        what: What it is for, said beside the bar.
        total: How many there are, where `steps` does not know.
    """
    return tqdm(steps, desc=what, total=total, delay=_QUIET_SECONDS, leave=False)


def progress_bar(total: int, what: str) -> tqdm:
    """A bar to be told of steps, `bar.update(n)`, for loops that take several at once."""
    return tqdm(total=total, desc=what, delay=_QUIET_SECONDS, leave=False)
