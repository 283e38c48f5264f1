"""Removal curves that grow while they are looked at."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np

from vitlens_widgets.errors import UsageError
from vitlens_widgets.progress import progress_bar
from vitlens_widgets.widgets.shared.seam import CurvesLike

MOST_POINTS = 25
"""Numbers of removed patches at which the model is asked, unless it is said, or all there are."""

LARGE = 100
"""Patches of an image above which whole curves take minutes."""

FEW_POINTS, FEW_ORDERS = 7, 3
"""Of a curve that is computed for a saved page of such an image: about a ninth of the work."""

INTERRUPTED = (
    "The removal curve was interrupted; choose another class or method and then this one again to "
    "begin anew."
)


def usual_points(n_patches: int) -> int | None:
    """At how many numbers of removed patches a curve is computed; None for all there are."""
    return None if n_patches <= MOST_POINTS else MOST_POINTS


class Growing:
    """The removal curves of one image and class, computed bit by bit.

    Args:
        start: Begins to compute; may refuse.
        removed: The shares of the patches that are gone along the whole curve, `[point]`.

    Attributes:
        removed: As given.
        found: The curves as far as they are computed; None before the first point.
        refused: Why they cannot be had, as a sentence; empty when they can.
        was_interrupted: Whether that is because they were interrupted.
    """

    def __init__(self, start: Callable[[], Iterator[CurvesLike]], removed: np.ndarray) -> None:
        self._start = start
        self._steps: Iterator[CurvesLike] | None = None
        self.removed = removed
        self.found: CurvesLike | None = None
        self.refused, self.was_interrupted = "", False

    @property
    def done(self) -> int:
        """How many points there are."""
        return 0 if self.found is None else len(self.found.removed)

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come."""
        return bool(self.refused) or self.done == len(self.removed)

    def go_on(self) -> None:
        """Computes one point more."""
        if self.is_over:
            return
        try:
            if self._steps is None:
                self._steps = self._start()
            self.found = next(self._steps)
        except UsageError as error:
            self.refused = str(error)
        except Exception as error:
            self.refused = f"The removal curve could not be computed: {error}"
        except BaseException:
            self.interrupt()
            raise

    def interrupt(self) -> None:
        """Ends it before it is whole."""
        if not self.is_over:
            self.refused, self.was_interrupted = INTERRUPTED, True

    def begin_anew(self) -> None:
        """Forgets that it was interrupted, and what was computed until then."""
        if self.was_interrupted:
            self.refused, self.was_interrupted = "", False
            self._steps = self.found = None


def go_on(growing: list[Growing], seconds: float) -> None:
    """Computes points of curves in turn for about so long, at least one of each."""
    until = time.monotonic() + seconds
    while not all(one.is_over for one in growing):
        for one in growing:
            one.go_on()
        if time.monotonic() > until:
            return


def finish(growing: list[Growing]) -> None:
    """Computes all that is missing, with a progress bar."""
    missing = sum(len(one.removed) - one.done for one in growing if not one.is_over)
    with progress_bar(missing, "removal curve") as bar:
        for one in growing:
            while not one.is_over:
                one.go_on()
                bar.update()
