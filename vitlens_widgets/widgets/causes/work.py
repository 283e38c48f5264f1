"""What is exchanged next: what the reader asked for, then the strongest estimates first."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from vitlens_widgets.progress import progress_bar
from vitlens_widgets.widgets.causes.answers import SMALLEST_GAP, Compared, RunAnswers
from vitlens_widgets.widgets.causes.places import Spot, Values
from vitlens_widgets.widgets.causes.seam import CausesLike, Direction
from vitlens_widgets.widgets.shared.recent import Recent

FEW = 600
"""Tokens of all states together up to which every one is tried."""

FAINTEST = 1 / 8
"""Tokens of states that are not chosen are tried from this share of the largest estimate on."""


FIRST_AT_ONCE, MOST_AT_ONCE = 4, 256
"""Sets of places that a source is asked for together, at first and at most."""

AIM = 0.15  # seconds that they should take, for the widget to be drawn in between


class Of(NamedTuple):
    """What the numbers are of."""

    target: int
    against: int | None
    image: int
    direction: Direction
    values: Values

    @property
    def asked(self) -> Compared:
        """The two classes."""
        return Compared(self.target, self.against)


class Work:
    """The runs of one widget, made when they are asked for.

    Args:
        source: What is asked.

    Attributes:
        rows: Of the map of parts: every head, then what a block has beside them.
        was_interrupted: Nothing is done until it is asked again.
    """

    def __init__(self, source: CausesLike) -> None:
        self.source = source
        self.tokens: list[int] = np.asarray(source.tokens).tolist()
        self.rows: list[int | str] = [*range(source.n_heads), *source.rows]
        self.was_interrupted = False
        self._at_once = FIRST_AT_ONCE
        self._answers: dict[tuple[int, Direction], RunAnswers] = {}
        self._estimates = Recent(source.estimates, most=8)

    @property
    def patches(self) -> tuple[int, ...]:
        """The patches that are in the sequence."""
        n_prefix = len(self.source.layout.prefix)
        return tuple(token for token in self.tokens if token >= n_prefix)

    def answers(self, of: Of) -> RunAnswers:
        """The runs of a pair, with the numbers of the two classes."""
        key = (of.image, of.direction)
        if key not in self._answers:
            clean, corrupted = self.source.logits(of.image)
            both = (clean, corrupted) if of.direction == "noising" else (corrupted, clean)
            self._answers[key] = RunAnswers(*both, self.source.probability_kind)
        self._answers[key].ask(of.asked)
        return self._answers[key]

    def has_gap(self, of: Of) -> bool:
        """Whether the two runs differ enough to divide by."""
        return abs(self.answers(of).gap(of.asked)) >= SMALLEST_GAP

    def estimates(self, of: Of) -> tuple[np.ndarray, np.ndarray]:
        """Shares of the way to first order, `[layer, row]` and `[layer, position]`; NaN: no gap."""
        n_layers, gap = self.source.n_layers, self.answers(of).gap(of.asked)
        if not self.has_gap(of):
            sizes = (len(self.rows), len(self.tokens))
            rows, tokens = (np.full((n_layers, one), np.nan) for one in sizes)
            return rows, tokens
        parts, tokens = self._estimates(of.target, of.against, of.image, of.direction, of.values)
        return -parts / gap, -tokens / gap

    def part(self, layer: int, row: int, values: Values) -> Spot:
        """The place of a cell of the map."""
        name = self.rows[row]
        if isinstance(name, int):
            return Spot("head", layer, name, values)
        return Spot("mlp", layer) if name == "mlp" else Spot("attention", layer, None, values)

    def parts(self, of: Of) -> list[Spot]:
        """Every cell of the map, the strongest estimate first."""
        strength = np.abs(np.nan_to_num(self.estimates(of)[0]))
        order = np.argsort(-strength, axis=None, kind="stable")
        cells = (divmod(int(at), len(self.rows)) for at in order)
        return [self.part(layer, row, of.values) for layer, row in cells]

    def of_state(self, of: Of, layer: int) -> list[Spot]:
        """Every token of a state: all patches, those before them, then the strongest first."""
        strength = np.abs(np.nan_to_num(self.estimates(of)[1][layer]))
        places: list[int] = np.argsort(-strength, kind="stable").tolist()
        order = [self.tokens[at] for at in places]
        first = self._few(layer)
        return [*first, *(Spot("tokens", layer, tokens=(token,)) for token in order)]

    def _few(self, layer: int) -> list[Spot]:
        """All patches together, and each token before them."""
        before = [(token,) for token in self.tokens[: len(self.tokens) - len(self.patches)]]
        return [Spot("tokens", layer, tokens=tokens) for tokens in (self.patches, *before)]

    def of_film(self, of: Of) -> list[Spot]:
        """What the other states show: tokens whose estimate is not faint."""
        strength = np.abs(np.nan_to_num(self.estimates(of)[1]))
        few = [place for layer in range(self.source.n_layers) for place in self._few(layer)]
        order = np.argsort(-strength, axis=None, kind="stable")
        least = 0.0 if strength.size <= FEW else FAINTEST * strength.max(initial=0)
        strong = order[strength.flat[order] >= least]
        cells = (divmod(int(at), len(self.tokens)) for at in strong)
        return [*few, *(Spot("tokens", k, tokens=(self.tokens[at],)) for k, at in cells)]

    def missing(
        self, of: Of, layer: int, exchanged: Sequence[Spot], *, film: bool = True
    ) -> list[Sequence[Spot]]:
        """Sets of places that are to be exchanged yet, in their order."""
        answers = self.answers(of)
        together = tuple(exchanged)
        wanted: list[Spot] = [*together]
        if self.has_gap(of):  # else there is nothing to divide by
            wanted += [*self.parts(of), *self.of_state(of, layer)]
            wanted += self.of_film(of) if film else []
        alone = [[place] for place in dict.fromkeys(wanted) if place not in answers.known]
        is_open = bool(together) and together not in answers.whole
        return [*([together] if is_open else []), *alone]

    def go_on(self, of: Of, layer: int, exchanged: Sequence[Spot], seconds: float) -> None:
        """Exchanges places for about so long, at least one."""
        until = time.monotonic() + seconds
        for _ in self._run(of, self.missing(of, layer, exchanged), exchanged):
            if time.monotonic() > until:
                return

    def finish(self, of: Of, layer: int, exchanged: Sequence[Spot]) -> None:
        """Exchanges what a page shows, with a progress bar; Ctrl-C ends it with what is known.

        Of many tokens that is the chosen state's, and of very many those that are not faint.
        """
        is_small = self.source.n_layers * len(self.tokens) <= FEW
        missing = self.missing(of, layer, exchanged, film=is_small)
        if len(self.tokens) > FEW:
            faint = self._faint(of, layer) - set(exchanged)
            missing = [places for places in missing if places[0] not in faint]
        with progress_bar(len(missing), "exchanged") as bar:
            try:
                for _ in self._run(of, missing, exchanged):
                    bar.update()
            except KeyboardInterrupt:
                self.was_interrupted = True

    def _faint(self, of: Of, layer: int) -> set[Spot]:
        """Patches of a state that are not expected to do much."""
        n_before = len(self.tokens) - len(self.patches)
        strength = np.abs(np.nan_to_num(self.estimates(of)[1][layer]))
        places: list[int] = np.flatnonzero(strength < FAINTEST * strength.max(initial=0)).tolist()
        return {Spot("tokens", layer, tokens=(self.tokens[at],)) for at in places if at >= n_before}

    def _run(
        self, of: Of, sets: Sequence[Sequence[Spot]], exchanged: Sequence[Spot]
    ) -> Iterator[None]:
        answers, left = self.answers(of), list(sets)
        while left:
            some, left = left[: self._at_once], left[self._at_once :]
            begun = time.monotonic()
            found = self.source.exchange(some, of.image, of.direction)
            for places, logits in zip(some, found, strict=True):
                if len(places) == 1:
                    answers.take(places[0], logits)
                if tuple(places) == tuple(exchanged):
                    answers.whole = {tuple(places): logits}
                yield
            self._adapt(time.monotonic() - begun)

    def _adapt(self, seconds: float) -> None:
        """More together where that was quick, fewer where it was slow."""
        if seconds < AIM / 2:
            self._at_once = min(MOST_AT_ONCE, 2 * self._at_once)
        elif seconds > 2 * AIM:
            self._at_once = max(FIRST_AT_ONCE, self._at_once // 2)
