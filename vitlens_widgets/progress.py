"""The progress of long work: shown once it has taken longer than a second, gone when it is done."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast

from tqdm.auto import tqdm
from tqdm.notebook import tqdm_notebook

from vitlens_widgets.errors import warn

_QUIET_SECONDS = 1
_LONG_SECONDS = 30 * 60
_WATCHED_SECONDS = 10
"""So long steps are watched before it is said how long the others will take."""

Step = TypeVar("Step")


def progress(steps: Iterable[Step], what: str, total: int | None = None) -> Iterable[Step]:
    """The steps, counted on a bar as they are taken.

    Args:
        steps: What is done one after the other.
        what: What it is for, said beside the bar.
        total: How many there are, where `steps` does not know.
    """
    return _Bar(steps, desc=what, total=total, delay=_QUIET_SECONDS, leave=False)


def progress_bar(total: int | None, what: str, unit: str = "it") -> tqdm[Any]:
    """A bar to be told of steps, `bar.update(n)`, for loops that take several at once.

    Args:
        total: How many there will be, if that is known.
        what: What it is for, said beside the bar.
        unit: What is counted; "B" for bytes, which are shown as kB and MB.
    """
    return _Bar(
        total=total,
        desc=what,
        delay=_QUIET_SECONDS,
        leave=False,
        unit=unit,
        unit_scale=unit == "B",
    )


class Foresight:
    """Warns once of work that will take more than half an hour, as soon as its steps tell so.

    The pace is that of the last steps, ten seconds of them or more: what comes before the first
    call, such as setting up a device, does not count, and work of two parts, the second one slower,
    is warned of when its second part has begun.

    Args:
        what: The work, to begin the sentence: `"This fit"`.
        total: How many steps there are in all.
        word: The argument by which it would be shorter: `"steps"`.
        given: Its value now, to which the time is in proportion.
        goes_on: Whether some was done before: who goes on with it was warned then.
    """

    def __init__(
        self, what: str, total: int, word: str, given: int, *, goes_on: bool = False
    ) -> None:
        self._what, self._total, self._word, self._given = what, total, word, given
        self._mark: tuple[float, int] | None = None
        self._done, self._warned = 0, goes_on

    def more(self, n: int) -> None:
        """So many more steps are done."""
        self.after(self._done + n)

    def beside(self, update: Callable[[int], object]) -> Callable[[int], None]:
        """What tells both of more steps: a bar by its `update`, and this."""

        def step(n: int) -> None:
            update(n)
            self.more(n)

        return step

    def after(self, done: int) -> None:
        """So many steps are done, counted from the very first one."""
        now, self._done = _now(), done
        if self._mark is None:
            self._mark = now, done
        since, before = self._mark
        if self._warned or done == before or now - since < _WATCHED_SECONDS:
            return
        each, self._mark = (now - since) / (done - before), (now, done)
        if each * (self._total - done) > _LONG_SECONDS:
            self._warned = True
            share = _LONG_SECONDS / (each * self._total)
            fewer = f"{self._word}={_round_below(share * self._given)}"
            warn(
                f"{self._what} will take about {_in_hours(each * (self._total - done))} more at "
                f"this pace; with {fewer} it would be about half an hour in all."
            )


def _now() -> float:
    return time.monotonic()


def _round_below(number: float) -> int:
    """A whole number with two digits that count, 1 or more."""
    whole = max(1, int(number))
    size = 10 ** max(0, len(str(whole)) - 2)
    return whole // size * size


def _in_hours(seconds: float) -> str:
    """`40 minutes`, `7 hours`, `12 days`."""
    for size, unit in ((86400, "days"), (3600, "hours")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 60:.0f} minutes"


class _NotebookBar(tqdm_notebook):  # pyright: ignore[reportMissingTypeArgument]  # generic in its stub alone
    """A notebook's bar whose output is emptied at the end.

    tqdm closes its widgets but leaves their output, which is saved with the notebook: opened again,
    it shows an error, and as HTML a bar that stands still.
    """

    _output = None

    def display(self, *args: Any, check_delay: bool = True, **words: Any) -> None:
        """Shows the bar where its output can be found again."""
        if check_delay and self.delay > 0 and not self.displayed:
            from IPython import display

            self._output = display.display(self.container, display_id=True)
            self.displayed = True
        super().display(*args, check_delay=check_delay, **words)

    def close(self) -> None:
        """Ends the bar; that of work which was not finished stays."""
        super().close()
        if self._output is not None and not (self.total and self.n < self.total):
            self._output.update({"text/html": ""}, raw=True)


_Bar = cast("type[tqdm[Any]]", _NotebookBar if issubclass(tqdm, tqdm_notebook) else tqdm)
