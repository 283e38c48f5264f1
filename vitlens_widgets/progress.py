"""The progress of long work: shown once it has taken longer than a second, gone when it is done."""

from __future__ import annotations

from tqdm.auto import tqdm

_QUIET_SECONDS = 1


def progress(total: int, what: str) -> tqdm:
    """A bar to enter with `with` and to `update()` after each of `total` steps."""
    return tqdm(total=total, desc=what, delay=_QUIET_SECONDS, leave=False)
