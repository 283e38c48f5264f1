"""`HeadStatistics`: what `statistics` found, by name, as arrays and as a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

import vitlens_widgets.charts as charts
from vitlens_widgets.analysis.heads.places import Places
from vitlens_widgets.analysis.result import Result, check_name
from vitlens_widgets.data.frames import frame
from vitlens_widgets.errors import UsageError

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812
    from pandas import DataFrame


@dataclass(frozen=True)
class Statistic:
    """What a statistic is, in words."""

    label: str
    unit: str
    meaning: str


@dataclass(frozen=True, repr=False)
class HeadStatistics(Result):
    """One number per head and statistic.

    Attributes:
        title: Of which model and images.
        values: float64 `[layer, head]` by the statistic's name, in the order of `names`.
        about: What each statistic is.
        nulls: What each would be if every query read all tokens alike; agreement has none.
        sinks: The position in the sequence of each head's sink, int64 `[layer, head]`.
        places: What stands where in the sequence.

    Example:
        >>> found = heads.statistics(trace)
        >>> found.values["entropy"].shape, found.unit("entropy")
        ((12, 12), 'nats')
        >>> found.table(by="corner")
    """

    title: str
    values: Mapping[str, np.ndarray]
    about: Mapping[str, Statistic]
    nulls: Mapping[str, float]
    sinks: np.ndarray
    places: Places

    @property
    def names(self) -> list[str]:
        """The statistics there are for this model and these images."""
        return list(self.values)

    @property
    def shape(self) -> tuple[int, int]:
        """(layers, heads)."""
        return self.sinks.shape

    def label(self, name: str) -> str:
        """What a statistic is called for people.

        Raises:
            UsageError: There is no such statistic.
        """
        return self.about[self._check(name)].label

    def unit(self, name: str) -> str:
        """In what a statistic is measured.

        Raises:
            UsageError: There is no such statistic.
        """
        return self.about[self._check(name)].unit

    def meaning(self, name: str) -> str:
        """What a statistic says, in one sentence.

        Raises:
            UsageError: There is no such statistic.
        """
        return self.about[self._check(name)].meaning

    def null(self, name: str) -> float | None:
        """What a statistic is for uniform attention; None where that says nothing.

        Raises:
            UsageError: There is no such statistic.
        """
        return self.nulls.get(self._check(name))

    def ratio(self, name: str) -> np.ndarray:
        """A statistic over its null, float64 `[layer, head]`: 1 is what uniform attention has.

        Raises:
            UsageError: There is no such statistic, or it has no null other than 0.
        """
        null = self.null(name)
        if not null:
            raise UsageError(f'"{name}" has no null to be compared with.')
        return self.values[name] / null

    def table(self, by: str | None = None, largest_first: bool = True) -> DataFrame:
        """A row per head: layer, head, every statistic, and what its sink is.

        Args:
            by: Sorted by this statistic; None for layer and head.
            largest_first: With `by`: the order.

        Raises:
            UsageError: There is no such statistic.
        """
        layers, heads = np.indices(self.shape)
        order = np.arange(layers.size)
        if by is not None:
            values = self.values[self._check(by)].ravel()
            order = np.argsort(-values if largest_first else values, kind="stable")
        columns = {"layer": layers, "head": heads, **self.values}
        columns = {name: value.ravel()[order].tolist() for name, value in columns.items()}
        sinks = [self.places.describe(position) for position in self.sinks.ravel()[order]]
        return frame({**columns, "sink_token": sinks}, self.title)

    def figure(self, name: str = "distance") -> Figure:
        """One dot per head over the layers, the layers' means as a line, the null as a dotted one.

        Source of the figure: Dosovitskiy et al. (2021), figure 7 (right), there for the distance.

        Args:
            name: One of the `names`.

        Raises:
            UsageError: There is no such statistic.
        """
        return self.compared({self.title: self}, name)

    @classmethod
    def compared(cls, results: Mapping[str, HeadStatistics], name: str = "distance") -> Figure:
        """Up to four models in one figure, by name; see `vl.analysis.compare`."""
        nulls = {model: one.null(name) for model, one in results.items()}
        about = next(iter(results.values())).about[name]
        uniform = "" if set(nulls.values()) == {None} else " (dotted: uniform attention)"
        what, quantity = f"{about.label}, {about.meaning}", f"{about.unit}{uniform}"
        title = next(iter(results.values())).titled(what) if len(results) == 1 else what
        depth = max(one.shape[0] for one in results.values())
        plot = charts.figure_over_layers(title, quantity, depth)
        values = {model: one.values[name] for model, one in results.items()}
        return charts.with_dots(plot, about.label, values, nulls)

    def _check(self, name: str) -> str:
        return check_name(name, self.values)

    def __repr__(self) -> str:
        return self.summary()

    def summary(self) -> str:
        """Every statistic's range over the heads, what it is by chance, and where it is largest."""
        lines = [f"{self.title}: {self.shape[0]} layers x {self.shape[1]} heads"]
        known = [values for values in self.values.values() if not np.isnan(values).all()]
        low = max((len(f"{np.nanmin(values):.3g}") for values in known), default=0)
        high = max((len(f"{np.nanmax(values):.3g}") for values in known), default=0)
        lines += [self._line(name, max(7, low), max(7, high)) for name in self.names]
        return "\n".join(lines)

    def _line(self, name: str, low: int, high: int) -> str:
        """A statistic, its smallest and its largest value as wide as those of all."""
        values = self.values[name]
        if np.isnan(values).all():
            return f"  {name:<15} not a number: no patch reads a patch"
        layer, head = np.unravel_index(np.nanargmax(values), self.shape)
        null = self.null(name)
        uniform = "" if null is None else f"uniform {null:.3g}, "
        return (
            f"  {name:<15} {np.nanmin(values):{low}.3g} .. {np.nanmax(values):<{high}.3g} "
            f"{self.unit(name):<11} {uniform}most in L{layer} H{head}"
        )
