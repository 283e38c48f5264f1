"""The two runs that an Explorer shows: the model as it is, and without the heads that are off."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vitlens_widgets.widgets.explorer.run import HeadsOff, ImageRun
from vitlens_widgets.widgets.shared.seam import MapsLike
from vitlens_widgets.widgets.shared.wire import Reply

if TYPE_CHECKING:
    from vitlens_widgets.lenses import Lens
    from vitlens_widgets.trace import Trace


@dataclass(frozen=True)
class RunPair:
    """The baseline run, and the one without the heads that are off.

    Attributes:
        baseline: The model as it is.
        edited: None while no head is off.
        others: The same two, read by other lenses, by their names.
    """

    baseline: ImageRun
    edited: ImageRun | None = None
    others: Mapping[str, RunPair] = field(default_factory=dict[str, "RunPair"])

    @classmethod
    def of(cls, trace: Trace, lenses: Mapping[str, Lens]) -> RunPair:
        """A run, read by every lens; no lens for a model without a classifier."""
        many = iter(lenses.items())
        _, first = next(many, ("", None))
        baseline = ImageRun(trace, first, n_lenses=max(1, len(lenses)))
        return cls(baseline, None, {name: cls(baseline.read_by(lens)) for name, lens in many})

    def read_by(self, lens: str) -> RunPair:
        """The two as the lens of that name reads them; as the first one does, if it is no other."""
        return self.others.get(lens, self)

    def without(self, heads: HeadsOff) -> RunPair:
        """The baseline run beside one without these heads."""
        if not heads:
            others = {name: RunPair(pair.baseline) for name, pair in self.others.items()}
            return RunPair(self.baseline, None, others)
        edited = self.baseline.without(heads)
        others = {name: pair._with(edited) for name, pair in self.others.items()}
        return RunPair(self.baseline, edited, others)

    def _with(self, edited: ImageRun) -> RunPair:
        """The same lens's, beside an edited run that the first lens has read."""
        before = self.baseline
        if before.lens is None:
            return self
        return RunPair(before, edited.read_by(before.lens, before))

    def answered_by(self, lenses: Mapping[str, Lens]) -> RunPair:
        """Both, answered by the lenses of a twin of their model, without a new forward pass."""
        many = iter(lenses.values())
        first = next(many)
        baseline = self.baseline.answered_by(first)
        edited = self.edited and self.edited.answered_by(first, baseline)
        pairs: dict[str, RunPair] = {}
        for name in self.others:
            before = baseline.read_by(lenses[name])
            pairs[name] = RunPair(before, edited and edited.read_by(lenses[name], before))
        return RunPair(baseline, edited, pairs)

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

    def n_left(self, side: int) -> int:
        """How many pieces of the baseline are still to come; `side` is that of the maps."""
        states = [pair.baseline.states for pair in (self, *self.others.values())]
        return sum(one.n_left for one in states if one) + self.baseline.pieces(side).n_left

    @contextmanager
    def sending(self, side: int, target: int | None, lens: str = "") -> Generator[dict[str, Any]]:
        """The traits that one more piece fills, for a block that sends them: answers, then maps.

        Those of the lens that is shown come first.
        """
        pairs = [self.read_by(lens), self, *self.others.values()]
        waiting = next((pair for pair in pairs if pair.baseline.states is not None), None)
        run = self.baseline
        if waiting is not None and waiting.baseline.states is not None:
            with waiting.baseline.states.sending():
                yield self._own(target) if waiting is self else self._of_others(target)
        else:
            with run.pieces(side).sending() as pieces:
                yield {"_baseline_maps": run.maps_so_far(pieces)}

    def packed(
        self, target: int | None, state: int, side: int, first: int, at_once: bool
    ) -> dict[str, Any]:
        """The traits of both.

        Args:
            target: The class asked about.
            state: The state whose answers come first.
            side: Of the maps that are sent.
            first: The layer whose maps come first.
            at_once: Whether all maps of the baseline come along, or that layer's alone.
        """
        run, pieces = self.baseline, self.baseline.pieces(side, first)
        answers = self.answers(target, state)
        if at_once or self.edited is not None:
            pieces.finish()
        elif not pieces.known:
            pieces.step()
        maps = {"_baseline_maps": run.maps_so_far(pieces)}
        return answers | maps | self.edited_maps(side)

    def answers(self, target: int | None, state: int) -> dict[str, Any]:
        """The traits of what both answer; arguments as of `packed`."""
        for pair in (self, *self.others.values()):
            if pair.edited is None:
                pair.baseline.start(target, state)
        return self._own(target) | self.edited_answers(target)

    def _own(self, target: int | None) -> dict[str, Any]:
        run = self.baseline
        return {"_baseline_answers": run.answers(), "_baseline_target": run.target(target)}

    def _of_others(self, target: int | None) -> dict[str, Any]:
        """What the other lenses answer in both runs, under the same names."""
        bundles = {
            name: pair._own(target) | pair._edited(target) for name, pair in self.others.items()
        }
        return {"_others": bundles} if bundles else {}

    def _edited(self, target: int | None) -> dict[str, Any]:
        run = self.edited
        if run is None:
            return {"_edited_answers": {}, "_edited_target": {}}
        answers = run.answers(before=self.baseline)
        return {"_edited_answers": answers, "_edited_target": run.target(target)}

    def edited_answers(self, target: int | None) -> dict[str, Any]:
        """The traits of the edited run that come before its attention, which takes longer."""
        gone: dict[str, Any] = {"_edited_maps": {}} if self.edited is None else {}
        return self._edited(target) | gone | self._of_others(target)

    def edited_maps(self, side: int) -> dict[str, Any]:
        """The traits of the edited run's attention."""
        return {"_edited_maps": {} if self.edited is None else self.edited.maps(side)}

    def target(self, target: int | None) -> dict[str, Any]:
        """The traits that follow another target class."""
        edited = {} if self.edited is None else self.edited.target(target)
        own = {"_baseline_target": self.baseline.target(target), "_edited_target": edited}
        return own | self._of_others(target)
