"""Principal components of state after state, turned so that colours do not flip between them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vitlens_widgets.lenses.features import components as pca
from vitlens_widgets.lenses.features.components import Components
from vitlens_widgets.lenses.features.found import StateFeatures
from vitlens_widgets.lenses.features.places import PatchPlaces


class ShownComponents:
    """The components of each state, found when they are asked for and kept.

    Args:
        places: Where the patches stand.
        features: The patches' features in a state, `[patch, d]` of each basis.
        n_states: How many states.
    """

    def __init__(
        self, places: PatchPlaces, features: Callable[[int], list[np.ndarray]], n_states: int
    ) -> None:
        self._places = places
        self._features = features
        self._n_states = n_states
        self._turned: dict[int, list[Components]] = {}
        self._found: dict[int, StateFeatures] = {}

    def of(self, state: int) -> StateFeatures:
        """One state's, counted among those that are read."""
        if state not in self._found:
            self._found[state] = self._shown(self._turned_to(state))
        return self._found[state]

    def _turned_to(self, state: int) -> list[Components]:
        """One for each basis; those of later states first, since they are followed."""
        for at in range(self._n_states - 1, state - 1, -1):
            if at not in self._turned:
                own = [pca.components(x) for x in self._features(at)]
                later = self._turned.get(at + 1)
                self._turned[at] = (
                    [self._lit(one) for one in own]
                    if later is None
                    else [one.turned(its.scores) for one, its in zip(own, later, strict=True)]
                )
        return self._turned[state]

    def _lit(self, found: Components) -> Components:
        """Under the signs in which a picture is shown."""
        signs = pca.signs(found.scores, self._places.on_border())
        return Components(found.scores * signs, found.total)

    def _shown(self, turned: list[Components]) -> StateFeatures:
        maps = [pca.shown(one.scores) for one in turned]
        figures = [pca.figure(one[:, 0]) for one in maps]
        return StateFeatures(
            self._places.joined(maps),
            np.stack([one.variance for one in turned]),
            self._places.joined(figures, False),
        )
