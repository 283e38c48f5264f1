"""Published claims beside what a run says of them: as reported, not so, or too close to tell.

>>> claims = vl.analysis.Claims(["toy/p32", "toy/p32-cls"])
>>> claims.compare(
...     "Half way through, the readout is ahead of the image tokens",
...     "score 0.83 for CLS, 0.68 for image tokens after block 6",
...     {"readout": lambda name: readout[name], "image tokens": lambda name: tokens[name]},
... )
>>> claims.table()
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from pandas import DataFrame

from vitlens_widgets.analysis.over_images import OverImages, over_images
from vitlens_widgets.data import frame
from vitlens_widgets.errors import UsageError, said

VERDICTS = {True: "as in the paper", False: "not so here", None: "cannot be told"}
"""What is said where a claim holds, where its reverse does, and where neither is clear."""

MARKS = dict(zip(VERDICTS.values(), "✓✗?", strict=True))
"""Before a verdict in a table, to be found at a glance."""

SURE = 0.05
"""A p below it says that something is larger, one above 1 - it that it is smaller."""


class Estimate(NamedTuple):
    """A number, and how sure it is.

    Args:
        value: The number, such as a mean over images.
        half: Half the width of its 95 % interval; 0 for what is known exactly, such as chance.
    """

    value: float
    half: float = 0.0

    def above(self, other: Estimate | float) -> bool | None:
        """Whether this is above another; None where the intervals overlap, or one is NaN."""
        other = _estimate(other)
        apart = abs(self.value - other.value) > self.half + other.half
        return self.value > other.value if apart else None

    def near(self, other: Estimate | float, margin: float) -> bool | None:
        """Whether the two are within a margin; None where their intervals reach across it."""
        other = _estimate(other)
        apart = abs(self.value - other.value)
        return apart < margin if abs(apart - margin) > self.half + other.half else None

    def __str__(self) -> str:
        return f"{self.value:.3f} ± {self.half:.3f}" if self.half else f"{self.value:.3f}"


Ask = Callable[[str], "tuple[bool | None, str]"]
"""Of a model's name: whether the claim holds there, and the numbers that say so."""


def estimate(
    values: OverImages | np.ndarray, place: int | tuple[int, ...] | None = None
) -> Estimate:
    """A mean over images with its interval.

    Args:
        values: What an experiment gives for all images, at one or several places; or one number
            per image, `[image]`, NaN where an image has none.
        place: Which of the places, such as a state; None where there is one only.

    Raises:
        UsageError: No numbers, several places of which none was chosen, or no such place.
    """
    over = values if isinstance(values, OverImages) else over_images(_numbers(values))
    mean, half = (np.asarray(part) for part in (over.mean, over.half))
    if place is None and mean.size != 1:
        raise UsageError(f"These are means at {mean.size} places; choose one, such as place=-1.")
    at: Any = ... if place is None else place
    try:
        return Estimate(float(mean[at]), float(half[at]))
    except (IndexError, TypeError, ValueError):
        raise UsageError(
            f"place={place!r} is not one of these {mean.size} places, of shape {list(mean.shape)}."
        ) from None


def _numbers(values: Any) -> np.ndarray:
    try:
        numbers = np.asarray(values)
    except (RuntimeError, TypeError, ValueError):  # a ragged list, a tensor with gradients
        numbers = np.empty(0)
    if numbers.dtype.kind not in "biuf" or not numbers.size or not numbers.ndim:
        raise UsageError(
            "An estimate takes one number per image, such as [0.2, 0.4], or the means that an "
            f"experiment gives, not {said(values)}."
        )
    return numbers


def in_most(holds: Sequence[bool | None]) -> bool | None:
    """What more than half of the places say; None where no answer has so many."""
    return next((word for word in (True, False) if holds.count(word) > len(holds) / 2), None)


def in_every(holds: Sequence[bool | None]) -> bool | None:
    """True if every place says so, False if one denies it; else None."""
    return False if False in holds else True if all(holds) else None


def by_p(p: float) -> bool | None:
    """Whether something is larger, by its one-sided p; see `SURE`."""
    return True if p < SURE else False if p > 1 - SURE else None


def counted(holds: Sequence[bool | None], what: str) -> str:
    """At how many places something is so, in words."""
    return f"{what} in {holds.count(True)} of {len(holds)}, the reverse in {holds.count(False)}"


class Claims:
    """Keeps and prints what each model's run says of each claim.

    Args:
        models: Names of the models, in the order of the columns.
        source: Whose claims they are, for the head of a column.

    Attributes:
        rows: A dict for each claim so far: the claim, the source's numbers, a verdict per model.
    """

    def __init__(self, models: Iterable[str], source: str = "in the paper") -> None:
        self.models = list(models)
        self.source = source
        self.rows: list[dict[str, str]] = []

    def __repr__(self) -> str:
        return f"Claims({len(self.rows)} claims about {', '.join(self.models)})"

    def judge(self, claim: str, reported: str, ask: Ask) -> None:
        """Ask each model whether a claim holds.

        Args:
            claim: In words.
            reported: The source's own numbers.
            ask: See `Ask`.
        """
        print(claim)
        row = {"claim": claim, self.source: reported}
        for name in self.models:
            holds, numbers = ask(name)
            row[name] = f"{VERDICTS[holds]}: {numbers}"
            print(f"  {name}: {row[name]}")
        self.rows.append(row)

    def compare(
        self,
        claim: str,
        reported: str,
        sides: Mapping[str, Callable[[str], Estimate | float]],
    ) -> None:
        """Ask each model whether one number is above another.

        Args:
            claim: In words.
            reported: The source's own numbers.
            sides: Two numbers by what they are called, each a function of the model's name; by the
                claim, the first is the larger.

        Raises:
            UsageError: There are not two sides.
        """
        if len(sides) != 2:
            raise UsageError(f"A comparison has two sides; {len(sides)} were given.")

        def ask(name: str) -> tuple[bool | None, str]:
            first, second = (_estimate(side(name)) for side in sides.values())
            words = ", ".join(
                f"{what} {one}" for what, one in zip(sides, (first, second), strict=True)
            )
            return first.above(second), words

        self.judge(claim, reported, ask)

    def table(self) -> DataFrame:
        """A row per claim: what the source reports; each model's verdict, and its numbers."""
        columns = {head: [row[head] for row in self.rows] for head in ("claim", self.source)}
        for name in self.models:
            said = [row[name].partition(": ") for row in self.rows]
            columns[name] = [f"{MARKS[verdict]} {verdict}" for verdict, _, _ in said]
            columns[f"{name}, measured"] = [numbers for _, _, numbers in said]
        return frame(columns, "Claims")


def _estimate(number: Estimate | float) -> Estimate:
    return number if isinstance(number, Estimate) else Estimate(float(number))
