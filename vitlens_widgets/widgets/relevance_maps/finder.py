"""What is known of the classes of a trace: relevance by several methods, and removal curves."""

from __future__ import annotations

from typing import Any

from vitlens_widgets.errors import UsageError, check_count
from vitlens_widgets.widgets.relevance_maps.curves import (
    FEW_ORDERS,
    FEW_POINTS,
    LARGE,
    Growing,
    usual_points,
)
from vitlens_widgets.widgets.shared.recent import Recent
from vitlens_widgets.widgets.shared.seam import RelevanceLike, RelevanceSourceLike

NO_CLASS = -1
"""The target of a `Relevance` that was found without any."""


class RelevanceFinder:
    """Finds relevance when it is asked for, and keeps what was asked last.

    Args:
        source: What is asked.
        given: What was found before, of one class or two.
        n_points: Of a removal curve; None for the usual ones.
        n_random: Random orders of removal.

    Raises:
        UsageError: The curves cannot have so many points or orders.

    Attributes:
        given: As given.
        methods: Names of the methods, each once, in the order in which they became known.
        n_random: As given.
        few_suffice: Whether a page that is saved before its curves are whole has some of their
            points: of a large image, unless their number was given.
    """

    def __init__(
        self,
        source: RelevanceSourceLike,
        given: list[RelevanceLike],
        n_points: int | None,
        n_random: int,
    ) -> None:
        usual = usual_points(source.layout.n_patches)
        self._source = source
        self._n_points = usual if n_points is None else n_points
        self._removed = source.removed(self._n_points)
        self.few_suffice = n_points is None and source.layout.n_patches > LARGE
        self.given, self.n_random = given, check_count("n_random", n_random, least=0)
        self._known = dict(source.methods)
        self.methods = tuple(dict.fromkeys([*self._known, *(one.method for one in given)]))
        self._asked, self._growing = Recent(self._ask, most=8), Recent(self._grow, most=16)

    def take_method(self, given: Any) -> str:
        """Makes a method known by its name.

        Raises:
            UsageError: Another one is known by it.
        """
        method = self._source.method(given)
        known = self._known.get(method.name)
        if known is not None and known != method:
            raise UsageError(
                f'There is another method called "{method.name}" already; give yours a name of '
                "its own."
            )
        self._known[method.name] = method
        self.methods = tuple(dict.fromkeys([*self.methods, method.name]))
        return method.name

    def labels(self) -> dict[str, str]:
        """What each method is called for people."""
        return {name: self._label(name) for name in self.methods}

    def _label(self, name: str) -> str:
        if name in self._known:
            return getattr(self._known[name], "label", name)
        labels = (getattr(one, "method_label", "") for one in self.given if one.method == name)
        return next(labels, "") or name

    def usual_target(self, image: int) -> int | None:
        """What is asked about unless it is said: what was found before, or the model's answer."""
        if not self._source.labels:
            return None
        if self.given:
            return int(self.given[0].target[image])
        return int(self._source.probabilities(image).argmax())

    def relevance(self, method: str, target: int | None, image: int) -> RelevanceLike:
        """That of a class, of all images at once; what was given may ask each another."""
        for one in self.given:
            if one.method == method and one.target[image] == (
                NO_CLASS if target is None else target
            ):
                return one
        return self._asked(method, target)

    def _ask(self, method: str, target: int | None) -> RelevanceLike:
        if method not in self._known:
            raise UsageError(
                f'The method "{method}" is known by what it found before alone; to ask it about '
                "another class or image give it itself, as method=."
            )
        return self._source.relevance(self._known[method], target)

    def growing(self, method: str, target: int | None, image: int, few: bool = False) -> Growing:
        """The removal curves of a class, as far as they are computed; `few`: of few points."""
        return self._growing(method, target, image, few)

    def orders(self, few: bool) -> int:
        """In how many random orders patches are removed for a curve."""
        return min(self.n_random, FEW_ORDERS) if few else self.n_random

    def _grow(self, method: str, target: int | None, image: int, few: bool) -> Growing:
        found = self.relevance(method, target, image)
        points, random = FEW_POINTS if few else self._n_points, self.orders(few)
        removed = self._source.removed(points) if few else self._removed
        return Growing(lambda: self._source.removal(found, image, points, random), removed)
