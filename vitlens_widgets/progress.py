"""The progress of long work: shown once it has taken longer than a second, gone when it is done."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar, cast

from tqdm.auto import tqdm
from tqdm.notebook import tqdm_notebook

_QUIET_SECONDS = 1

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
