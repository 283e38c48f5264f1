"""The quantities a tint can show (js/patch_grid/tints.js): where each patch is on a colour map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vitlens_widgets.export.stills.answers import Answers
from vitlens_widgets.export.stills.numbers import decimal


@dataclass(frozen=True)
class Tint:
    """An ordered tint.

    Attributes:
        words: What it shows.
        map: Name of its colour map.
        place: Where on the map, 0..1, `[state, row, col]`; NaN where there is no number.
        ticks: Of its legend, `(place, text)`.
    """

    words: str
    map: str
    place: np.ndarray
    ticks: list[tuple[float, str]]

    def strength(self, state: int) -> np.ndarray:
        """How strong the colours are, 0..1 `[row, col]`."""
        place = self.place[state]
        return np.abs(2 * place - 1) if self.map == "blue_orange" else place


def tint_of(answers: Answers, name: str) -> Tint | None:
    """The tint of a name, on one scale for all states; None for those without an order."""
    if not answers.labels or name in ("class", "none"):
        return None
    if name == "entropy":
        most = float(np.log(len(answers.labels)))
        return _nats(answers, answers.statistic(name), "entropy", most)
    if name == "kl":
        return _nats(answers, answers.statistic(name), "KL to the final answer")
    if name == "difference":
        return _nats(answers, answers.divergence, "KL from the untouched run")
    target = answers.labels[answers.state["target"]]
    if name == "logit":
        return _logit(answers, target)
    return _rank(answers, target) if name == "rank" else _probability(answers, target)


def _probability(answers: Answers, target: str) -> Tint:
    ticks = [(0.0, "0"), (0.5, "0.5"), (1.0, "1")]
    return Tint(f"probability of {target}", "viridis", answers.patches(answers.chance), ticks)


def _rank(answers: Answers, target: str) -> Tint:
    worst, count = np.log(max(2, len(answers.labels))), len(answers.labels)
    between = [100, 10] if count > 300 else [10] if count > 30 else []
    place = np.where(np.isnan(answers.logit), np.nan, 1 - np.log(answers.rank) / worst)
    ticks = [(1 - np.log(rank) / worst, str(rank)) for rank in (count, *between, 1)]
    return Tint(f"rank of {target}", "viridis", answers.patches(place), ticks)


def _logit(answers: Answers, target: str) -> Tint:
    most = _largest(np.abs(answers.logit)) or 1.0
    place = np.clip(0.5 + answers.logit / most / 2, 0, 1)
    ticks = [(0.0, decimal(-most)), (0.5, "0"), (1.0, decimal(most))]
    return Tint(f"logit of {target}", "blue_orange", answers.patches(place), ticks)


def _nats(answers: Answers, nats: np.ndarray, words: str, most: float | None = None) -> Tint:
    """From 0 to a largest value; by default the largest there is."""
    most = _largest(nats) if most is None else most
    place = np.clip(nats / (most or 1.0), 0, 1)
    write = decimal if most >= 0.05 else "{:.2g}".format  # as many digits as a small end needs
    ticks = [(0.0, "0"), (0.5, write(most / 2)), (1.0, write(most))]
    return Tint(f"{words}, nats", "cividis", answers.patches(place), ticks)


def _largest(values: np.ndarray) -> float:
    finite = values[np.isfinite(values)]
    return max(0.0, float(finite.max())) if finite.size else 0.0
