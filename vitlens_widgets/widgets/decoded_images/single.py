"""Single pictures at their full size, made when they are looked at, and kept for a saved page."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from vitlens_widgets.errors import UsageError, whole_number
from vitlens_widgets.widgets.decoded_images.seam import Contributor, Kind, Painted, PaintsLike
from vitlens_widgets.widgets.decoded_images.traits import sent, strength_of

TICKS = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Strengths of the film; as in js/decoded_images/strengths.js."""

KEPT_BYTES = 16_000_000
"""Of what was looked at, kept for a saved page; then those go that were made first."""

KINDS = ("own", "other image", "random")


class AskedPicture(NamedTuple):
    """Which picture.

    Attributes:
        image: Of which image.
        kind: The component's own, or what stands in its place.
        layer: Of which block, or which state where there is no component.
        column: The head; the number of heads for the MLP; -1 for a state.
        seed: Which of the seeds.
        strength: As given.
    """

    image: int
    kind: Kind
    layer: int
    column: int
    seed: int
    strength: float


class Singles:
    """Makes them, and has those that were made.

    Args:
        source: Who is asked.
    """

    def __init__(self, source: PaintsLike) -> None:
        self._source = source
        self._made: OrderedDict[AskedPicture, Painted] = OrderedDict()

    def read(self, what: Mapping[str, Any]) -> AskedPicture:
        """What a browser has asked for.

        Raises:
            UsageError: It is nothing that there is.
        """
        source = self._source
        strength = strength_of(what.get("strength"))
        kind = what.get("kind")
        column = _within(what, "column", -1, source.n_heads if source.n_heads else -1)
        last = len(source.state_names) - 1 if column < 0 else source.n_layers - 1
        if strength is None or kind not in KINDS:
            raise UsageError(f"There is no picture of kind {kind!r} and this strength.")
        return AskedPicture(
            _within(what, "image", 0, source.n_images - 1),
            kind,
            _within(what, "layer", 0, last),
            column,
            _within(what, "seed", 0, len(source.seeds) - 1),
            strength,
        )

    def __call__(self, asked: AskedPicture) -> Painted:
        """The picture, with its numbers."""
        if asked not in self._made:
            self._made[asked] = self._paint(asked)
            sizes = [one.pictures.nbytes for one in self._made.values()]
            while len(sizes) > 1 and sum(sizes) > KEPT_BYTES:
                self._made.popitem(last=False)
                del sizes[0]
        return self._made[asked]

    def of_look(
        self, image: int, layer: int, column: int, seed: int, strength: float
    ) -> list[AskedPicture]:
        """All pictures that stand beside a component that is looked at."""
        source = self._source

        def one(seed: int, strength: float, kind: Kind = "own") -> AskedPicture:
            return AskedPicture(image, kind, layer, column, seed, strength)

        if column < 0:
            return [one(i, 1.0) for i in range(len(source.seeds))]
        nulls: list[Kind] = ["random", *(["other image"] if source.n_images > 1 else [])]  # pyright: ignore[reportAssignmentType]
        ticks = [*TICKS, *([math.inf] if source.mode == "frozen" else [])]
        return [
            *(one(i, strength) for i in range(len(source.seeds))),
            *(one(seed, strength, kind) for kind in nulls),
            *(one(seed, tick) for tick in ticks),
        ]

    def saved(self, image: int) -> tuple[list[dict[str, Any]], bytes]:
        """Those of an image: what each is, and their pixels in a row."""
        of_image = [(a, p) for a, p in self._made.items() if a.image == image]
        said = [described(asked, found, self._source) for asked, found in of_image]
        return said, b"".join(found.pictures.tobytes() for _, found in of_image)

    def _paint(self, asked: AskedPicture) -> Painted:
        image, kind, layer, column, seed, strength = asked
        if column < 0:
            return self._source.states(image, [layer], seed)
        head = None if column == self._source.n_heads else column
        one = Contributor(layer, head)
        return self._source.components(image, [one], seed, strength, kind)


def described(asked: AskedPicture, found: Painted, source: PaintsLike) -> dict[str, Any]:
    """What a picture is, and its numbers, as JSON."""
    index = int(found.named[0])
    named = [source.labels[index], source.labels.emoji[index]] if index >= 0 else None
    numbers = {"similarity": found.similarity[0], "before": found.before[0]}
    known = {name: None if np.isnan(n) else float(n) for name, n in numbers.items()}
    chance = float(found.chance[0]) if index >= 0 else None
    asked_for = asked._asdict() | {"strength": sent(asked.strength)}
    return asked_for | known | {"named": named, "chance": chance}


def named_in(numbers: Iterator[float], source: PaintsLike) -> dict[str, list[str]]:
    """Labels and emoji of the classes among some indices."""
    found = {int(index) for index in numbers if index >= 0}
    labels = source.labels
    return {str(i): [labels[i], labels.emoji[i]] for i in sorted(found)}


def _within(what: Mapping[str, Any], name: str, least: int, most: int) -> int:
    number = whole_number(what.get(name))
    if number is None or not least <= number <= most:
        raise UsageError(f"{name} must be {least} to {most}; {what.get(name)!r} was asked for.")
    return number
