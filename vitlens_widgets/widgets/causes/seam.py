"""What Causes asks of two runs: anything with these attributes can be shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple, Protocol, get_args

import numpy as np

from vitlens_widgets.widgets.causes.places import Spot, Values
from vitlens_widgets.widgets.shared.seam import LabelsLike, SizesLike

# ruff: noqa: D102  # what each attribute is, the class in source.py says; here, its axes

Direction = Literal["noising", "denoising"]
"""Values of the corrupted run put into the clean one, or the other way round."""


Method = Literal["threshold", "greedy"]
"""How a circuit is found: see `vl.analysis.circuit`."""

Outside = Literal["corrupted", "mean", "zero"]
"""What other edges than those of a circuit carry: see `ablation=` of `vl.analysis.circuit`."""

OUTSIDES: tuple[Outside, ...] = get_args(Outside)


class Writes(NamedTuple):
    """What the readout adds up in one run, as logits of classes."""

    curve: np.ndarray
    """Before block 0, after every attention and every MLP, then with what is added whatever the
    stream is: `[class, 2 L + 2]`."""
    parts: np.ndarray
    """What each part of a block adds, in the order of the rows: `[class, layer, row]`."""


class GraphLike(Protocol):
    """Who writes to the stream and who reads it; see `analysis.circuits.graph.Graph`."""

    @property
    def n_layers(self) -> int: ...
    @property
    def n_heads(self) -> int: ...
    @property
    def n_senders(self) -> int: ...
    @property
    def n_readers(self) -> int: ...
    @property
    def n_edges(self) -> int: ...
    @property
    def of_reader(self) -> np.ndarray: ...


class CircuitLike(Protocol):
    """The edges that keep an answer; see `analysis.circuits.Circuit`."""

    @property
    def graph(self) -> Any: ...
    @property
    def edges(self) -> np.ndarray: ...
    @property
    def share(self) -> float: ...
    @property
    def without(self) -> float: ...
    @property
    def size(self) -> int: ...
    @property
    def curves(self) -> Sequence[Any]: ...
    @property
    def random(self) -> np.ndarray: ...
    @property
    def scores(self) -> Any: ...
    @property
    def answers(self) -> np.ndarray: ...
    @property
    def finished(self) -> bool: ...


class FindingLike(Protocol):
    """A circuit while it is looked for; see `analysis.circuits.finding.Finding`."""

    def by_rank(self) -> Iterator[None]: ...
    def smaller(self, method: Method, /) -> Iterator[None]: ...
    def measure(self, n_random: int, /, *, needed: bool = ...) -> None: ...
    @property
    def finished(self) -> bool: ...
    def circuit(self) -> CircuitLike: ...


class CausesLike(SizesLike, Protocol):
    """Two runs of one model; see `causes.source.PairSource`."""

    @property
    def labels(self) -> LabelsLike: ...
    @property
    def probability_kind(self) -> str: ...
    @property
    def readout_name(self) -> str: ...
    @property
    def rows(self) -> Sequence[str]: ...
    def pictures(self, image: int, /) -> np.ndarray: ...
    def logits(self, image: int, /) -> np.ndarray: ...
    def exchange(
        self, places: Sequence[Sequence[Spot]], image: int, direction: Direction, /
    ) -> Iterator[np.ndarray]: ...
    def estimates(
        self,
        target: int,
        against: int | None,
        image: int,
        direction: Direction,
        values: Values,
        /,
    ) -> tuple[np.ndarray, np.ndarray]: ...
    def reads(self, layer: int, head: int, image: int, direction: Direction, /) -> np.ndarray: ...
    def writes(self, classes: Sequence[int], image: int, direction: Direction, /) -> Writes: ...
    def finding(
        self, target: int, against: int | None, image: int, outside: Outside, /
    ) -> FindingLike: ...
