"""A run of a model on one image, packed for the browser: its answers and its attention."""

from __future__ import annotations

import itertools
from copy import copy
from functools import partial
from typing import TYPE_CHECKING, Any

from vitlens_widgets.widgets.attention_maps import data as attention_data
from vitlens_widgets.widgets.attention_maps.pieces import Pieces
from vitlens_widgets.widgets.attention_maps.source import source_of
from vitlens_widgets.widgets.patch_grid import data as patch_grid_data
from vitlens_widgets.widgets.patch_grid.pieces import StatePieces, first_piece
from vitlens_widgets.widgets.shared import pack

if TYPE_CHECKING:
    from vitlens_widgets.lenses import Lens, Reading
    from vitlens_widgets.trace import Trace

_numbers = itertools.count(1)

NO_ANSWERS: dict[str, Any] = dict.fromkeys(
    ("_top_index", "_top_probability", "_entropy", "_kl", "_logsumexp", "_logits", "_divergence"),
    b"",
)
"""Of a model without a classifier."""

KEEP_BYTES = 64 * 2**20
"""Queries and keys of an edited run up to this size are kept, so that no block runs twice."""

HeadsOff = tuple[tuple[int, int], ...]
"""(layer, head) pairs."""


class ImageRun:
    """What one forward pass left behind, and what is sent of it, in three bundles.

    Args:
        trace: Of one image.
        lens: What reads it; None for a model without a classifier.
        off: The heads that the run is without.
        n_lenses: How many lenses' answers are sent together.

    Attributes:
        number: Tells this run from all others.
        trace: As given.
        off: As given.
        reading: What the lens reads in it, or None.
        source: Its attention maps.
    """

    def __init__(
        self, trace: Trace, lens: Lens | None, off: HeadsOff = (), n_lenses: int = 1
    ) -> None:
        self.number = next(_numbers)
        self.trace, self.off = trace, off
        self._n_lenses = n_lenses
        self._lens = lens
        self.reading: Reading | None = None if lens is None else lens.read(trace)
        self.source = source_of(trace)
        self._pieces: Pieces | None = None
        self._states: StatePieces | None = None  # while some are not known

    def without(self, heads: HeadsOff) -> ImageRun:
        """The run from the first of these heads on, all of them switched off."""
        from vitlens_widgets.trace.edits import Zero

        edits = [Zero("z", layer, head=head) for layer, head in heads]
        keep = ("q", "k") if self._are_few else ()  # which all its maps are made of
        edited = ImageRun(self.trace.rerun(edits, keep=keep), self._lens, heads, self._n_lenses)
        edited._adopt(self)
        return edited

    def answered_by(self, lens: Lens, before: ImageRun | None = None) -> ImageRun:
        """The same run, attention and all, answered by a twin of its model.

        Args:
            lens: The twin's.
            before: The run with all heads, answered by it already.
        """
        twin = copy(self)
        twin.trace = self.trace.answered_by(lens.vit)
        return twin.read_by(lens, before)

    def read_by(self, lens: Lens, before: ImageRun | None = None) -> ImageRun:
        """The same run, attention and all, read by another lens.

        Args:
            lens: The other one.
            before: The run with all heads, read by it already.
        """
        run = copy(self)
        run._lens, run._states = lens, None
        run.reading = lens.read(run.trace)
        if before is not None:
            run._adopt_answers(before)
        return run

    @property
    def _are_few(self) -> bool:
        """Whether the queries and keys of all blocks together are few enough to be kept."""
        return 2 * self.trace.vit.n_layers * self.trace.states[0].nbytes <= KEEP_BYTES

    @property
    def n_same(self) -> int:
        """States, and blocks' attention, that are the same as with all heads.

        The first block in which one is off still reads the state and attends as before.
        """
        return min(self.off)[0] + 1

    def _adopt(self, before: ImageRun) -> None:
        """Takes what is the same from the run with all heads."""
        self._adopt_answers(before)
        if before._pieces is not None:
            self.source.adopt(before.source, range(self.n_same))
            self._pieces = before._pieces.twin(self.source, range(self.n_same))

    def _adopt_answers(self, before: ImageRun) -> None:
        if self.reading is not None and before.reading is not None:
            self.reading._adopt(before.reading, self.n_same)  # pyright: ignore[reportPrivateUsage]

    def pieces(self, side: int, first: int = 0) -> Pieces:
        """Its overview, of which no more layers need be known than were asked for.

        Args:
            side: Of the maps that are sent.
            first: The layer that comes first.
        """
        if self._pieces is None:
            self._pieces = Pieces(self.source, "pattern", 0, side, first)
        return self._pieces

    @property
    def lens(self) -> Lens | None:
        """What reads it."""
        return self._lens

    @property
    def answer(self) -> int | None:
        """The model's own answer, as a class index; None without a classifier."""
        return None if self.reading is None else int(self.reading.readout.top(1).index[-1, 0, 0])

    def start(self, target: int | None, state: int) -> None:
        """What each token answers is told of this state first, of the others by and by."""
        if self.reading is not None:
            self._states = first_piece(self.reading, 0, target, state, self._n_lenses)

    @property
    def states(self) -> StatePieces | None:
        """Its answers, while they are not all there."""
        if self._states is not None and self._states.is_done:
            self._states = None
        return self._states

    def answers(self, before: ImageRun | None = None) -> dict[str, Any]:
        """What each token answers in each state, and how far that is from another run's answers.

        `_divergence` is the KL from those before, float32 `[state, token + readout]`; empty without
        any.
        """
        bundle = {"number": self.number, "off": [list(pair) for pair in self.off]}
        if self.reading is None:
            return bundle | NO_ANSWERS | {"_known": []}
        if self.states is not None:
            return bundle | self.states.traits() | {"_logits": b"", "_divergence": b""}
        from vitlens_widgets.trace.steady import in_a_row

        return bundle | in_a_row(self.trace, "read", partial(self._read, self.reading, before))

    def _read(self, reading: Reading, before: ImageRun | None) -> dict[str, Any]:
        return {
            **patch_grid_data.statistics(reading, 0),
            "_logits": patch_grid_data.logits_table(reading, 0, self._n_lenses),
            "_divergence": _kl_from(before, self),
        }

    def target(self, target: int | None) -> dict[str, Any]:
        """One class's numbers, for tables that are too large to be sent whole."""
        if self.reading is None or target is None:
            return {}
        if patch_grid_data.fits(self.reading, self._n_lenses):
            return {}
        if self.states is not None:
            is_new = self.states.target != target
            return self.states.ask(target) if is_new else self.states.columns()
        return patch_grid_data.target_columns(self.reading, 0, target)

    def maps(self, side: int) -> dict[str, Any]:
        """Every head's map, `side` pixels wide, and every head's statistics."""
        from vitlens_widgets.trace.steady import in_a_row

        finish = self.pieces(side).finish
        return self.maps_so_far(in_a_row(self.trace, "asked for its attention", finish))

    def maps_so_far(self, pieces: Pieces) -> dict[str, Any]:
        """The same as far as they are known."""
        statistics = attention_data.statistics(self.source, 0, pieces.known)
        return pieces.traits() | statistics | {"_overview_of": self.overview_of}

    @property
    def overview_of(self) -> dict[str, Any]:
        """What its maps are of, as the browser knows them."""
        return {"kind": "pattern", "image": 0, "run": self.number}

    def first_map(
        self, layer: int, head: int, token: int | None = None, key: int | None = None
    ) -> dict[str, Any]:
        """The traits of one map with its exact numbers, so that the browser need not ask for it."""
        what = {"show": "head", "kind": "pattern", "layer": layer, "head": head, "image": 0}
        return attention_data.first_map(self.source, what | {"run": self.number}, token, key)


def _kl_from(before: ImageRun | None, after: ImageRun) -> bytes:
    """KL of one run's answers from another's, float32 `[state, token + readout]`."""
    from vitlens_widgets.lenses import divergence

    was, now = before and before.reading, after.reading
    if was is None or now is None:
        return b""
    tokens, readout = (
        divergence(*both, after.n_same) for both in ((was, now), (was.readout, now.readout))
    )
    return pack.float32(patch_grid_data.with_readout(tokens, readout, 0))
