"""What every experiment gives back: a table, a figure, and a few words."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from vitlens_widgets.analysis.over_images import OverImages, ShareOfImages
from vitlens_widgets.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from bokeh.models import LayoutDOM
    from pandas import DataFrame


class Title(str):
    """What a result is of, in full, which knows itself in fewer words, too.

    Attributes:
        whose: As a figure says it, without settings of the data.
    """

    whose: str


class Result(ABC):
    """What an experiment found.

    Attributes:
        title: What it is of: the model, the images, and unusual settings.
    """

    title: str

    def __init_subclass__(cls, **words: Any) -> None:
        # before a subclass is made a dataclass, whose own would print every array
        super().__init_subclass__(**words)
        if "__repr__" not in vars(cls):
            cls.__repr__ = Result.__repr__

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.title})"

    def titled(self, what: str) -> str:
        """A figure's title: what is measured, then of whom, in few words where there are any."""
        whose = self.title.whose if isinstance(self.title, Title) else self.title
        return f"{capitalised(what)}: {whose}"

    @abstractmethod
    def table(self, *choice: Any, **choices: Any) -> DataFrame:
        """The numbers, tidy: a row per state, block or condition, the title in `attrs["title"]`."""

    @abstractmethod
    def figure(self, *choice: Any, **choices: Any) -> LayoutDOM:
        """What is usually looked at, as a Bokeh figure or several; `bokeh.io.show` shows it."""

    @abstractmethod
    def summary(self) -> str:
        """The main numbers in a few lines, means with half their 95 % intervals."""


def capitalised(words: str) -> str:
    """With a capital first letter, all others as they are."""
    return f"{words[:1].upper()}{words[1:]}"


def check_name(name: str, names: Iterable[str]) -> str:
    """The name, if it is one of what was measured or can be drawn.

    Raises:
        UsageError: It is not; all names are listed.
    """
    names = list(names)
    if not isinstance(name, str) or name not in names:
        near = did_you_mean(str(name), names)
        raise UsageError(f'"{name}" was not measured; there is {", ".join(names)}.{near}')
    return name


def mean_and_half(values: OverImages, place: int | tuple[int, ...] = ()) -> str:
    """`0.672 ± 0.013`: a mean and half its 95 % interval, as a summary says them.

    Of a share of images, `0.667 (0.208 to 0.939)`: its interval is not the same on both sides.
    """
    if isinstance(values, ShareOfImages):
        return f"{values.mean[place]:.3f} ({values.low[place]:.3f} to {values.high[place]:.3f})"
    return f"{values.mean[place]:.3f} ± {values.half[place]:.3f}"
