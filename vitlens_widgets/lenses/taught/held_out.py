"""`HeldOut`: whether what was taught holds for examples that were not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vitlens_widgets.lenses.taught.fitting import left_out


@dataclass(frozen=True)
class HeldOut:
    """What each example is taken for when it is left out, in every state.

    A few examples, chosen by hand, are no test set: this is agreement, not accuracy.

    Attributes:
        classes: The class of each example, int64 `[example]`, as an index of the labels.
        by_state: Its answer from the others' tokens of the same state, int64 `[state, example]`;
            -1 for the only example of its class, which cannot be left out.
        by_final: Its token of each state by the others' tokens of the final state, likewise.
        n_classes: How many classes there are.
    """

    classes: np.ndarray
    by_state: np.ndarray
    by_final: np.ndarray
    n_classes: int

    @property
    def tested(self) -> np.ndarray:
        """Which examples can be left out, bool `[example]`."""
        return self.by_final[-1] >= 0

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

    def _agreement(self, answers: np.ndarray) -> np.ndarray:
        if not self.tested.any():
            return np.full(len(answers), np.nan)
        return (answers == self.classes)[:, self.tested].mean(1)


def held_out(method: str, units: np.ndarray, classes: np.ndarray, n_classes: int) -> HeldOut:
    """Leave each example out in turn.

    Args:
        method: How classes are taught, `fitting.METHODS`.
        units: Unit vectors of the examples in every state, `[state, example, d]`.
        classes: The class of each, `[example]`.
        n_classes: How many classes there are.
    """
    own = [left_out(method, state, state[None], classes, n_classes)[0] for state in units]
    final = left_out(method, units[-1], units, classes, n_classes)
    return HeldOut(classes, np.stack(own), final, n_classes)
