"""What a PatchGrid has of each of several lenses: of one state at first, the rest on demand."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

from vitlens_widgets.widgets.patch_grid import data
from vitlens_widgets.widgets.patch_grid.pieces import StatePieces, opened
from vitlens_widgets.widgets.shared.seam import ReadingLike


class LensPages:
    """One image, read by several lenses.

    Args:
        readings: By the names of their lenses; the first lens has the widget's own traits, and the
            others' numbers stand in bundles of the same names.
        image: Which image.
        target: The class asked about.
        first: The state that comes first, of each lens.
    """

    def __init__(
        self, readings: Mapping[str, ReadingLike], image: int, target: int, first: int
    ) -> None:
        self._readings, self._image = readings, image
        self._own = next(iter(readings))
        self._pieces: dict[str, StatePieces] = {}  # of lenses whose states are not all known
        self._bundles: dict[str, dict[str, Any]] = {}
        for name, reading in readings.items():
            pieces, bundle = opened(reading, image, target, first, len(readings))
            self._bundles[name] = bundle
            if pieces is not None:
                self._pieces[name] = pieces

    @property
    def n_left(self) -> int:
        """How many pieces are still to come."""
        return sum(pieces.n_left for pieces in self._pieces.values())

    @property
    def has_every_class(self) -> bool:
        """Whether all classes' logits are there, so that any can be the target."""
        return all(bundle["_logits"] for bundle in self._bundles.values())

    def traits(self) -> dict[str, Any]:
        """The traits of what is there: the first lens's, and the bundles of the others."""
        others = {name: of for name, of in self._bundles.items() if name != self._own}
        return self._bundles[self._own] | {"_others": others}

    @contextmanager
    def sending(self, *shown: str | None) -> Generator[dict[str, Any]]:
        """One piece more, for a block that sends what is given; where it fails, it is still left.

        The lenses that are shown come first. Of one that is not, nothing is sent before the last
        piece.

        Args:
            shown: Their names.
        """
        waiting = [name for name in shown if name in self._pieces]
        name = [*waiting, *self._pieces][0]
        pieces = self._pieces[name]
        with pieces.sending():
            self._bundles[name] = pieces.of_image()
            is_whole = len(pieces.known) == self._readings[name].n_states
            yield self._sent(name) if is_whole or name in (self._own, *shown) else {}
        if pieces.is_done:
            del self._pieces[name]

    def _sent(self, name: str) -> dict[str, Any]:
        if name == self._own:
            return self._bundles[name]
        return {"_others": self.traits()["_others"]}

    def ask(self, target: int) -> dict[str, Any]:
        """The traits that follow another target class; where it fails, nothing has changed."""
        columns: dict[str, dict[str, Any]] = {}
        found = {name: pieces.found(target) for name, pieces in self._pieces.items()}
        for name, reading in self._readings.items():
            if name not in found and not self._bundles[name]["_logits"]:
                columns[name] = data.target_columns(reading, self._image, target)
        for name, both in found.items():
            columns[name] = self._pieces[name].take(target, *both)
        for name, new in columns.items():
            self._bundles[name] = self._bundles[name] | new
        if not columns:
            return {}
        own, traits = columns.get(self._own, {}), self.traits()
        return {**own, "_others": traits["_others"]}
