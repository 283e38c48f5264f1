"""One run of a model on one image, packed for the browser: its answers and its attention."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from vitlens_widgets.widgets.attention_maps import data as attention_data
from vitlens_widgets.widgets.attention_maps.source import MapsSource
from vitlens_widgets.widgets.patch_grid import data as patch_grid_data

_numbers = itertools.count(1)


class ImageRun:
    """What one forward pass left behind, and what is sent of it.

    Args:
        trace: Of one image.
        lens: What reads it; None for a model without a classifier.

    Attributes:
        number: Tells this run from all others.
        trace: As given.
        reading: What the lens reads in it, or None.
        source: Its attention maps.
    """

    def __init__(self, trace: Any, lens: Any) -> None:
        self.number = next(_numbers)
        self.trace = trace
        self._lens = lens
        self.reading = None if lens is None else lens.read(trace)
        self.source = MapsSource(trace)

    def without(self, heads: Sequence[tuple[int, int]]) -> ImageRun | None:
        """The run from the first of these heads on, all of them switched off; None without any."""
        from vitlens_widgets.trace.edits import Zero

        if not heads:
            return None
        edits = [Zero("z", layer, head=head) for layer, head in heads]
        return ImageRun(self.trace.rerun(edits), self._lens)

    @property
    def answer(self) -> int | None:
        """The model's own answer, as a class index; None without a classifier."""
        return None if self.reading is None else int(self.reading.readout.top(1).index[-1, 0, 0])

    def answers(self, target: int | None) -> dict[str, Any]:
        """What each token answers in each state; the target's column unless all logits are sent."""
        if self.reading is None:
            return {}
        found = {"_logits": patch_grid_data.logits_table(self.reading, 0)}
        found |= patch_grid_data.statistics(self.reading, 0)
        return found | self.target(target)

    def target(self, target: int | None) -> dict[str, Any]:
        """One class's numbers, for tables that are too large to be sent whole."""
        if self.reading is None or patch_grid_data.fits(self.reading):
            return {}
        return patch_grid_data.target_columns(self.reading, 0, target)

    @property
    def overview_of(self) -> dict[str, Any]:
        """What its maps are of, as the browser knows them."""
        return {"kind": "pattern", "image": 0, "run": self.number}

    def maps(self, side: int) -> dict[str, Any]:
        """Every head's map, `side` pixels wide, and every head's statistics."""
        packed = attention_data.overview(self.source, "pattern", 0, side)
        statistics = attention_data.statistics(self.source, 0)
        return packed | statistics | {"_overview_of": self.overview_of}

    def first_map(self, layer: int, head: int) -> dict[str, Any]:
        """One map with its exact numbers, so that the browser need not ask for it."""
        what = {"show": "head", "kind": "pattern", "layer": layer, "head": head, "image": 0}
        return attention_data.first_map(self.source, what | {"run": self.number})
