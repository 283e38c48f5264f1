"""How Causes looks for a circuit, bit by bit, and shows what it has found."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, cast

import traitlets

from vitlens_widgets.errors import check_choice
from vitlens_widgets.kinds import is_mapping
from vitlens_widgets.progress import progress
from vitlens_widgets.widgets.causes.circuit import NO_CIRCUIT, circuit_traits
from vitlens_widgets.widgets.causes.seam import (
    CausesLike,
    CircuitLike,
    FindingLike,
    Method,
    Outside,
)
from vitlens_widgets.widgets.causes.traits import CausesChoices
from vitlens_widgets.widgets.shared.wire import Buffers, Reply, answers_browser, done

AT_ONCE = 0.5  # seconds that a search takes the kernel at a time, at least

N_RANDOM = 10  # circuits that are run beside the one that was found


class Search:
    """A search that goes on from where it was stopped.

    Args:
        finding: What it finds.

    Attributes:
        has_begun: Whether there is a circuit to show.
        is_over: Whether nothing is left to do.
    """

    def __init__(self, finding: FindingLike) -> None:
        self._finding = finding
        self._method: Method = "threshold"
        self._steps: Iterator[None] | None = None
        self.has_begun = self.is_over = False

    def ask(self, method: Method) -> None:
        """Goes on by this method."""
        if method != self._method or (self.is_over and not self._finding.finished):
            self._method, self._steps, self.is_over = method, None, False

    def _all(self) -> Iterator[None]:
        yield from self._finding.by_rank()
        yield from self._finding.smaller(self._method)
        self._finding.measure(N_RANDOM, needed=False)

    def step(self) -> bool:
        """Does one step, and says whether it was not the last."""
        if self.is_over:
            return False
        self._steps = self._steps or self._all()
        try:
            next(self._steps)
        except StopIteration:
            self.is_over = True
        except BaseException:
            self._steps = None  # these can go on no more
            raise
        self.has_begun = True
        return not self.is_over

    def go_on(self, seconds: float) -> None:
        """Takes steps for about so long, at least one."""
        until = time.monotonic() + seconds
        while self.step() and time.monotonic() < until:
            pass

    def stop(self) -> None:
        """Measures what was found until now; at the end that was done."""
        if not self.is_over:
            self._finding.measure(0, needed=False)

    @property
    def found(self) -> CircuitLike:
        """What is known now."""
        return self._finding.circuit()


class FindsCircuit(CausesChoices):
    """The circuit, beside the choices."""

    _circuit = traitlets.Dict().tag(sync=True)
    _circuit_edges = traitlets.Bytes().tag(sync=True)
    _circuit_effects = traitlets.Bytes().tag(sync=True)

    _searches: dict[str, Search]
    _source: CausesLike

    def _forget_circuits(self) -> dict[str, Any]:
        """They are of other runs or classes; what to show instead."""
        self._searches = {}
        return NO_CIRCUIT

    @property
    def _outside(self) -> Outside:
        return cast("Outside", self.outside)

    def _on_outside(self, _change: Any) -> None:
        """Each has its own."""
        with self.hold_sync():
            if self.outside in self._searches:
                self._show_circuit()
            else:
                self._set(NO_CIRCUIT)

    def _search(self) -> Search:
        """The one that goes with what is chosen."""
        if self.outside not in self._searches:
            classes = (self.target, self.against)
            finding = self._source.finding(*classes, self.image, self._outside)
            self._searches[self.outside] = Search(finding)
        return self._searches[self.outside]

    def _show_circuit(self) -> None:
        found = self._searches[self.outside].found
        traits = circuit_traits(found, self._source.probability_kind, self._outside)
        with self.hold_sync():
            self._set(traits)

    def find_circuit(self, method: Method = "threshold") -> CircuitLike:
        """Finds few connections that keep the answer, with `outside` on all others; shows them.

        Of the pair that is shown. Ctrl-C ends the search; what was found until then is shown, and
        gone on from when it is called again.

        Args:
            method: See `vl.analysis.circuit`; `"greedy"` also removes edges one by one, which takes
                far longer.

        Returns:
            What was found, as `vl.analysis.circuit` gives it; what each edge is needed for was not
            measured.

        Raises:
            UsageError: As `vl.analysis.circuit`.
        """
        search = self._search()
        search.ask(check_choice("method", method, ("threshold", "greedy")))
        try:
            for _ in progress(iter(search.step, False), "steps of the search"):
                self._show_circuit()
        except KeyboardInterrupt:
            if not search.has_begun:
                raise
            search.stop()
        self._show_circuit()
        return search.found

    @answers_browser
    def _find_circuit(self, message: Any, _buffers: Buffers) -> Reply:
        """Begins a search, goes on with it for a while, or stops it, as the browser asks."""
        asked: Any = message if is_mapping(message) else {}
        answer, buffers = done(lambda: self._go_on_finding(asked))
        search = self._searches.get(self.outside)
        return answer | {"is_over": bool(answer) or search is None or search.is_over}, buffers

    def _go_on_finding(self, asked: Any) -> None:
        self.outside = asked.get("outside", self.outside)  # may come before the trait itself does
        begins = "method" in asked
        if not begins and self.outside not in self._searches:
            return  # what was asked about has changed meanwhile
        search = self._search()
        if begins:
            search.ask("greedy" if asked["method"] == "greedy" else "threshold")
        try:
            if asked.get("stop") and search.has_begun:
                search.stop()
            else:
                search.go_on(AT_ONCE)
        except KeyboardInterrupt:
            if search.has_begun:
                search.stop()
                self._show_circuit()
            raise
        self._show_circuit()
