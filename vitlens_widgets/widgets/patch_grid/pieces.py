"""What a PatchGrid shows of each state: of one at first, the rest on demand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import numpy as np

from vitlens_widgets.widgets.patch_grid.data import ANSWERS, fits, of_image
from vitlens_widgets.widgets.shared import pack
from vitlens_widgets.widgets.shared.checks import has_all
from vitlens_widgets.widgets.shared.in_pieces import InPieces
from vitlens_widgets.widgets.shared.seam import AnswersLike, ByState, Numbers, ReadingLike

AT_ONCE = 4 * 2**20
"""Logits that come in a step after the first, in bytes."""


def first_piece(
    reading: ReadingLike, image: int, target: int | None, first: int, n_lenses: int = 1
) -> StatePieces | None:
    """The state that is shown first; None where all of them are quickly had, or come together.

    Args:
        reading: Where they come from.
        image: Which image.
        target: See `StatePieces`.
        first: The state.
        n_lenses: How many readings as large are sent together.
    """
    if fits(reading, n_lenses) or not has_all(reading, ("of_state",)):
        return None
    pieces = StatePieces(cast("ByState", reading), image, target, first)
    pieces.step()
    return pieces


def opened(
    reading: ReadingLike, image: int, target: int, first: int, n_lenses: int = 1
) -> tuple[StatePieces | None, dict[str, Any]]:
    """What of an image is still to come, None if nothing is, and the traits of what is there."""
    pieces = first_piece(reading, image, target, first, n_lenses)
    if pieces is None:
        return None, of_image(reading, image, target, n_lenses)
    return None if pieces.is_done else pieces, pieces.of_image()


class StatePieces(InPieces):
    """The numbers of every state of one image, in arrays `[state, token + readout]`.

    Where a state is not known yet, its tokens have NaN; the readout is known in all states.

    Args:
        reading: Where they come from.
        image: Which image.
        target: A class whose logits and ranks come along; None for none.
        first: The state that comes first; the others follow from the last to the first.

    Attributes:
        target: As given, or asked last.
    """

    def __init__(self, reading: ByState, image: int, target: int | None, first: int) -> None:
        n_states, n_tokens = reading.n_states, reading.layout.n_tokens
        n_classes = len(reading.labels)
        some = max(1, AT_ONCE // (4 * (n_tokens + 1) * n_classes))
        super().__init__(_steps(n_states, first, some))
        self._reading, self._image, self.target = reading, image, target
        self._n_classes, k = n_classes, min(ANSWERS, n_classes)
        self._shape = (n_states, n_tokens + 1)
        self._index = np.zeros((*self._shape, k), np.int64)
        self._numbers: dict[str, np.ndarray] = {
            "probability": np.full((*self._shape, k), np.nan, np.float32)
        }
        self._rank = np.zeros(self._shape, np.int64)

    def step(self) -> None:
        """One step more; with the first, the readout in all states."""
        is_first = not self.known
        super().step()
        if is_first:
            self._fill_readout(self._reading.readout)

    def _fill_readout(self, readout: AnswersLike) -> None:
        """It is a single token, and little to compute."""
        best = readout.top(self._index.shape[-1])
        self._put(best.index, self._index)
        self._put(best.probability, self._numbers["probability"])
        for name in ("entropy", "kl_to_final", "logsumexp"):
            if name in self._numbers:
                self._put(getattr(readout, name)(), self._numbers[name])
        if self.target is not None:
            self._put(readout.logit(self.target), self._numbers["logit"])
            self._put(readout.rank(self.target), self._rank)

    def ask(self, target: int) -> dict[str, Any]:
        """Another class's columns; of states that are not known yet they come with these.

        Where it fails, nothing has changed.
        """
        return self.take(target, *self.found(target))

    def found(self, target: int) -> tuple[np.ndarray, np.ndarray]:
        """Another class's logits and ranks, as far as they are known; nothing has changed."""
        found = {one: self._reading.of_state(one, self._image, target) for one in self.known}
        readout = self._reading.readout
        logit, rank = np.full(self._shape, np.nan, np.float32), np.zeros(self._shape, np.int64)
        for one, values in found.items():
            logit[one], rank[one] = np.asarray(values["logit"]), np.asarray(values["rank"])
        self._put(readout.logit(target), logit)
        self._put(readout.rank(target), rank)
        return logit, rank

    def take(self, target: int, logit: np.ndarray, rank: np.ndarray) -> dict[str, Any]:
        """Takes what was found of another class, and gives its traits."""
        self.target, self._numbers["logit"], self._rank = target, logit, rank
        return self.columns()

    def _put(self, values: Numbers, into: np.ndarray) -> None:
        into[:, -1] = np.asarray(values)[:, self._image]

    def _compute(self, one: int) -> None:
        found = self._reading.of_state(one, self._image, self.target)
        self._index[one] = np.asarray(found.pop("index"))
        if "rank" in found:
            self._rank[one] = np.asarray(found.pop("rank"))
        for name, values in found.items():
            self._column(name)[one] = np.asarray(values)

    def _column(self, name: str) -> np.ndarray:
        if name not in self._numbers:
            self._numbers[name] = np.full(self._shape, np.nan, np.float32)
        return self._numbers[name]

    def traits(self) -> dict[str, Any]:
        """The traits that hold them, and which states are known."""
        of = self._numbers
        return {
            "_top_index": pack.ids(self._index, self._n_classes),
            "_top_probability": pack.float32(of["probability"]),
            "_entropy": pack.float32(of["entropy"]),
            "_kl": pack.float32(of["kl_to_final"]),
            "_logsumexp": pack.float32(of["logsumexp"]) if "logsumexp" in of else b"",
            "_known": self.known,
        }

    def of_image(self) -> dict[str, Any]:
        """The same with the target's, and without a table of all logits."""
        return {"_logits": b"", **self.traits(), **self.columns()}

    def columns(self) -> dict[str, Any]:
        """The traits that hold the target's."""
        return {
            "_target_logit": pack.float32(self._column("logit")),
            "_target_rank": pack.int32(self._rank),
            "_target_of": self.target,
        }


def _steps(n_states: int, first: int, some: int) -> Iterator[list[int]]:
    """The first alone, then some at a time."""
    yield [first]
    others = [state for state in range(n_states)[::-1] if state != first]
    yield from (others[at : at + some] for at in range(0, len(others), some))
