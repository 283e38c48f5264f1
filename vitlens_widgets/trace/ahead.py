"""What takes its time to read is read while something else computes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Step = TypeVar("Step")
Made = TypeVar("Made")


def made_ahead(
    make: Callable[[Step], Made], steps: Iterable[Step], n_readers: int = 1
) -> Iterator[Made]:
    """What is made of each step, in order; the next ones are made while one is in use.

    What `make` raises comes in the place of what it did not give, after all that was made before.

    Args:
        make: Reads and prepares one; called by another thread, by several at once if there are.
        steps: Of what.
        n_readers: How many threads; so many are made ahead.
    """
    waiting: deque[Future[Made]] = deque()
    readers = ThreadPoolExecutor(n_readers, "images")
    try:
        for step in steps:
            waiting.append(readers.submit(make, step))
            if len(waiting) > n_readers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        readers.shutdown(wait=False, cancel_futures=True)
