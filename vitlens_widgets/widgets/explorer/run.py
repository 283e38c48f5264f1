"""The runs of a model on one image, packed for the browser: their answers and their attention."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from vitlens_widgets.widgets.attention_maps import data as attention_data
from vitlens_widgets.widgets.attention_maps.pieces import Pieces
from vitlens_widgets.widgets.attention_maps.source import source_of
from vitlens_widgets.widgets.patch_grid import data as patch_grid_data
from vitlens_widgets.widgets.shared import pack
from vitlens_widgets.widgets.shared.seam import MapsLike
from vitlens_widgets.widgets.shared.wire import Reply

if TYPE_CHECKING:
    from vitlens_widgets.lenses import Lens, Reading
    from vitlens_widgets.trace import Trace

_numbers = itertools.count(1)

NO_ANSWERS = dict.fromkeys(
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

    Attributes:
        number: Tells this run from all others.
        trace: As given.
        off: As given.
        reading: What the lens reads in it, or None.
        source: Its attention maps.
    """

    def __init__(self, trace: Trace, lens: Lens | None, off: HeadsOff = ()) -> None:
        self.number = next(_numbers)
        self.trace, self.off = trace, off
        self._lens = lens
        self.reading: Reading | None = None if lens is None else lens.read(trace)
        self.source = source_of(trace)
        self._pieces: Pieces | None = None

    def without(self, heads: HeadsOff) -> ImageRun:
        """The run from the first of these heads on, all of them switched off."""
        from vitlens_widgets.trace.edits import Zero

        edits = [Zero("z", layer, head=head) for layer, head in heads]
        keep = ("q", "k") if self._are_few else ()  # which all its maps are made of
        edited = ImageRun(self.trace.rerun(edits, keep=keep), self._lens, heads)
        edited._adopt(self)
        return edited

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
        if self.reading is not None and before.reading is not None:
            self.reading._adopt(before.reading, self.n_same)  # pyright: ignore[reportPrivateUsage]
        if before._pieces is not None:
            self.source.adopt(before.source, range(self.n_same))
            self._pieces = before._pieces.twin(self.source, range(self.n_same))

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
    def answer(self) -> int | None:
        """The model's own answer, as a class index; None without a classifier."""
        return None if self.reading is None else int(self.reading.readout.top(1).index[-1, 0, 0])

    def answers(self, before: ImageRun | None = None) -> dict[str, Any]:
        """What each token answers in each state, and how far that is from another run's answers.

        `_divergence` is the KL from those before, float32 `[state, token + readout]`; empty without
        any.
        """
        bundle = {"number": self.number, "off": [list(pair) for pair in self.off]}
        if self.reading is None:
            return bundle | NO_ANSWERS
        from vitlens_widgets.trace.steady import in_a_row

        return bundle | in_a_row(self.trace, "read", partial(self._read, self.reading, before))

    def _read(self, reading: Reading, before: ImageRun | None) -> dict[str, Any]:
        return {
            **patch_grid_data.statistics(reading, 0),
            "_logits": patch_grid_data.logits_table(reading, 0),
            "_divergence": _kl_from(before, self),
        }

    def target(self, target: int | None) -> dict[str, Any]:
        """One class's numbers, for tables that are too large to be sent whole."""
        if self.reading is None or target is None or patch_grid_data.fits(self.reading):
            return {}
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


@dataclass(frozen=True)
class RunPair:
    """The baseline run, and the one without the heads that are off.

    Attributes:
        baseline: The model as it is.
        edited: None while no head is off.
    """

    baseline: ImageRun
    edited: ImageRun | None = None

    def without(self, heads: HeadsOff) -> RunPair:
        """The baseline run beside one without these heads."""
        return RunPair(self.baseline, self.baseline.without(heads) if heads else None)

    @property
    def off(self) -> HeadsOff:
        """The heads that are off."""
        return () if self.edited is None else self.edited.off

    @property
    def both(self) -> Sequence[ImageRun]:
        """Those there are."""
        return [run for run in (self.baseline, self.edited) if run is not None]

    def shown(self, choice: str) -> ImageRun:
        """The run whose attention is shown."""
        return self.baseline if choice == "baseline" else self.both[-1]

    def answered(
        self, compute: Callable[[MapsLike, dict[str, Any]], Reply], what: dict[str, Any]
    ) -> Reply:
        """The answer to a question about one run; about one that is gone there is none."""
        asked = [run for run in self.both if run.number == what.get("run")]
        return compute(asked[0].source, what) if asked else ({"gone": True}, [])

    def packed(self, target: int | None, side: int, first: int, at_once: bool) -> dict[str, Any]:
        """The traits of both.

        Args:
            target: The class asked about.
            side: Of the maps that are sent.
            first: The layer whose maps come first.
            at_once: Whether all maps of the baseline come along, or that layer's alone.
        """
        run, pieces = self.baseline, self.baseline.pieces(side, first)
        if at_once or self.edited is not None:
            pieces.finish()
        elif not pieces.known:
            pieces.step()
        maps = run.maps_so_far(pieces)
        bundles = {"answers": run.answers(), "target": run.target(target), "maps": maps}
        own = {f"_baseline_{name}": bundle for name, bundle in bundles.items()}
        return own | self.edited_answers(target) | self.edited_maps(side)

    def edited_answers(self, target: int | None) -> dict[str, Any]:
        """The traits of the edited run that come before its attention, which takes longer."""
        run = self.edited
        if run is None:
            return {"_edited_answers": {}, "_edited_target": {}, "_edited_maps": {}}
        answers = run.answers(before=self.baseline)
        return {"_edited_answers": answers, "_edited_target": run.target(target)}

    def edited_maps(self, side: int) -> dict[str, Any]:
        """The traits of the edited run's attention."""
        return {"_edited_maps": {} if self.edited is None else self.edited.maps(side)}

    def target(self, target: int | None) -> dict[str, Any]:
        """The traits that follow another target class."""
        edited = {} if self.edited is None else self.edited.target(target)
        return {"_baseline_target": self.baseline.target(target), "_edited_target": edited}
