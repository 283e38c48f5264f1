"""What the model answered when places were exchanged: kept, so that no run is made twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from vitlens_widgets.widgets.causes.places import Spot

MOST_KEPT = 2000
"""Classes up to which all logits of every run are kept; beyond, those that matter to the pair."""

FIRST = 16
"""How many first answers of each of the two runs matter."""

SMALLEST_GAP = 0.1
"""Logits between the two runs below which no share of the way can be told."""


def probabilities(logits: np.ndarray, kind: str) -> np.ndarray:
    """Probabilities of the classes, float64 `[..., class]`."""
    wide = np.asarray(logits, np.float64)
    if kind == "sigmoid":
        return np.where(wide < 0, np.exp(np.minimum(wide, 0)), 1) / (1 + np.exp(-np.abs(wide)))
    shifted = np.exp(wide - wide.max(-1, keepdims=True))
    return shifted / shifted.sum(-1, keepdims=True)


class Compared(NamedTuple):
    """Which two classes are compared; without `against`, the target's own logit counts."""

    target: int
    against: int | None

    def metric(self, logits: np.ndarray) -> np.ndarray:
        """Logit of the target, less that of `against`: `[..., class] -> [...]`, float64."""
        wide = np.asarray(logits, np.float64)
        own = wide[..., self.target]
        return own if self.against is None else own - wide[..., self.against]


class Answer(NamedTuple):
    """What is kept of one run."""

    logits: np.ndarray
    """Of the classes that are kept, float32."""
    top: int
    """The first answer, and its probability."""
    top_probability: float
    log_norm: float
    """Log of the sum of all exponentials."""


class RunAnswers:
    """The runs of one pair in one direction.

    Args:
        base: Logits of the run in which places are exchanged, `[class]`.
        other: Those of the run that the values come from.
        kind: "softmax" or "sigmoid".

    Attributes:
        known: What is known, by place.
    """

    def __init__(self, base: np.ndarray, other: np.ndarray, kind: str) -> None:
        self.base, self.other, self.kind = base, other, kind
        self.known: dict[Spot, Answer] = {}
        self._columns: np.ndarray | None = None
        self.whole: dict[tuple[Spot, ...], np.ndarray] = {}
        if len(base) > MOST_KEPT:
            firsts = [np.argsort(-logits)[:FIRST] for logits in (base, other)]
            self._columns = np.unique(np.concatenate(firsts))

    def ask(self, asked: Compared) -> None:
        """Makes sure that the numbers of these classes are kept from now on."""
        wanted = [asked.target, *([] if asked.against is None else [asked.against])]
        if self._columns is not None and not np.isin(wanted, self._columns).all():
            self._columns = np.unique([*self._columns, *wanted])
            self.known = {}

    def take(self, place: Spot, logits: np.ndarray) -> None:
        """Keeps what was answered, `[class]`."""
        top = int(logits.argmax())
        wide = logits.astype(np.float64)
        log_norm = float(wide.max() + np.log(np.exp(wide - wide.max()).sum()))
        chance = float(probabilities(logits, self.kind)[top])
        kept = logits if self._columns is None else logits[self._columns]
        self.known[place] = Answer(kept.astype(np.float32), top, chance, log_norm)

    def logit(self, place: Spot, index: int) -> float:
        """Of one class after a place was exchanged."""
        where = index if self._columns is None else int(np.searchsorted(self._columns, index))
        return float(self.known[place].logits[where])

    def probability(self, place: Spot, index: int) -> float:
        """The same as a probability."""
        value = self.logit(place, index)
        if self.kind == "sigmoid":
            return float(probabilities(np.array([value]), "sigmoid")[0])
        return float(np.exp(value - self.known[place].log_norm))

    def metric(self, place: Spot, asked: Compared) -> float:
        """Logit of the target, less that of `against`."""
        own = self.logit(place, asked.target)
        return own if asked.against is None else own - self.logit(place, asked.against)

    def numbers(self, place: Spot, asked: Compared) -> list[float]:
        """Metric, first answer, its probability, those of target and against; NaN if not known."""
        if place not in self.known:
            return [np.nan] * 5
        one = self.known[place]
        against = np.nan if asked.against is None else self.probability(place, asked.against)
        own = self.probability(place, asked.target)
        return [self.metric(place, asked), one.top, one.top_probability, own, against]

    def gap(self, asked: Compared) -> float:
        """How far the two runs are apart: base less other."""
        return float(asked.metric(self.base) - asked.metric(self.other))


def most_changed(before: np.ndarray, after: np.ndarray, without: Sequence[int | None]) -> int:
    """The class whose probability changes most, of all but some; both are `[class]`."""
    change = np.abs(after - before)
    change[[index for index in without if index is not None]] = -1
    return int(change.argmax())
