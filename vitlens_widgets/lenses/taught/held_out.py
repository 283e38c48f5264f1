"""`HeldOut`: whether what was taught holds for examples that were not."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from vitlens_widgets.lenses.taught.fitting import left_out


@dataclass(frozen=True, eq=False)
class HeldOut:
    """What each example is taken for when it is left out, in every state.

    A few examples, chosen by hand, are no test set: this is agreement, not accuracy. What is asked
    for is found when it is asked for: of a logistic regression every example left out is a fit, and
    `by_state` has one in every state.

    Attributes:
        method: How classes are taught, `fitting.METHODS`.
        units: Unit vectors of the examples in every state, `[state, example, d]`.
        classes: The class of each example, int64 `[example]`, as an index of the labels.
        n_classes: How many classes there are.
    """

    method: str
    units: np.ndarray = field(repr=False)
    classes: np.ndarray
    n_classes: int

    @cached_property
    def by_state(self) -> np.ndarray:
        """Its answer from the others' tokens of the same state, int64 `[state, example]`.

        -1 for the only example of its class, which cannot be left out.
        """
        return np.concatenate([self._left_out(state, state[None]) for state in self.units])

    @cached_property
    def by_final(self) -> np.ndarray:
        """Its token of each state by the others' tokens of the final one, likewise."""
        return self._left_out(self.units[-1], self.units)

    @property
    def tested(self) -> np.ndarray:
        """Which examples can be left out, bool `[example]`."""
        return np.bincount(self.classes, minlength=self.n_classes)[self.classes] > 1

    @property
    def state_agreement(self) -> np.ndarray:
        """The share of left-out examples taken for their class, `[state]`; NaN without any."""
        return self._agreement(self.by_state)

    @property
    def final_agreement(self) -> np.ndarray:
        """The same by the final state's examples, `[state]`."""
        return self._agreement(self.by_final)

    @property
    def chance(self) -> float:
        """The agreement of answers at random."""
        return 1 / self.n_classes

    def _left_out(self, units: np.ndarray, asked: np.ndarray) -> np.ndarray:
        return left_out(self.method, units, asked, self.classes, self.n_classes)

    def _agreement(self, answers: np.ndarray) -> np.ndarray:
        if not self.tested.any():
            return np.full(len(answers), np.nan)
        return (answers == self.classes)[:, self.tested].mean(1)
