"""Data that come piece by piece: as far as they are known, the rest on demand."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager

from typing_extensions import Self


class InPieces(ABC):
    """Data of every layer or state, some of them at a time.

    Args:
        steps: Which ones come together, in the order in which they come.
    """

    def __init__(self, steps: Iterable[Sequence[int]]) -> None:
        self._steps = [list(step) for step in steps]
        self._every = sorted(one for step in self._steps for one in step)
        self._is_sent = True

    @abstractmethod
    def _compute(self, one: int) -> None:
        """Fills in one layer or state; nothing has changed where it fails."""

    @property
    def known(self) -> list[int]:
        """Those that are there."""
        left = {one for step in self._steps for one in step}
        return [one for one in self._every if one not in left]

    @property
    def n_left(self) -> int:
        """How many steps are left; 1 where none is, but the last was not `sending`."""
        return len(self._steps) or int(not self._is_sent)

    @property
    def is_done(self) -> bool:
        """Whether all are there, and none is to be sent again."""
        return not self.n_left

    def step(self) -> None:
        """One step more; where it fails, what is left of it is still left."""
        step = self._steps[0]
        while step:
            self._compute(step[0])
            del step[0]
        del self._steps[0]

    @contextmanager
    def sending(self) -> Generator[Self]:
        """One step more, for a block that sends it; where that fails it is still left."""
        self._is_sent = False
        if self._steps:
            self.step()
        yield self
        self._is_sent = True

    def finish(self) -> Self:
        """All the rest."""
        while self._steps:
            self.step()
        return self

    def _forget(self, one: int) -> None:
        """It is there without being computed."""
        self._steps = [[other for other in step if other != one] for step in self._steps]
        self._steps = [step for step in self._steps if step]
