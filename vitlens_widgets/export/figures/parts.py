"""What a widget can put in a figure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from vitlens_widgets.errors import UsageError, did_you_mean, quoted_list
from vitlens_widgets.export.stills.panel import Legend, Panel
from vitlens_widgets.export.stills.piece import Piece
from vitlens_widgets.export.stills.scales import ColorScale

FigurePart = Panel | Callable[[int], Piece]
"""A panel, or what draws a piece into so much room."""

Shared = ColorScale | Sequence[str]


class FigureRow(NamedTuple):
    """What was chosen of a widget: parts, their legend and its title."""

    parts: list[FigurePart]
    legend: Legend
    title: str


@dataclass(frozen=True)
class FigureParts:
    """What a widget can put in a figure, as it shows it now.

    Attributes:
        parts: By name, in their order.
        default: The names of those that are put there if none is chosen.
        states: The names that a number stands for.
        legend: Of the states together.
        title: What the legend's numbers are.
        shared: What widgets in one figure can share: the scale of states or maps, or the names of
            classes in the order of their colours.
    """

    parts: Mapping[str, FigurePart]
    default: Sequence[str]
    states: Sequence[str] = ()
    legend: Legend = ()
    title: str = ""
    shared: Shared | None = None

    def chosen(self, panels: Sequence[Any] | None) -> FigureRow:
        """Those of these names and numbers.

        Raises:
            UsageError: There is none of such a name or number, or none was given.
        """
        if panels is None:
            panels = self.default
        if isinstance(panels, (str, int)):
            panels = [panels]
        names = [self._name(one) for one in panels]
        if not names:
            raise UsageError(f"panels= names at least one of {self._listed()}.")
        legend = self.legend if {*names} & {*self.states} else ()
        return FigureRow([self.parts[name] for name in names], legend, self.title)

    def _name(self, given: Any) -> str:
        if isinstance(given, str) and given in self.parts:
            return given
        is_number = hasattr(given, "__index__") and not isinstance(given, bool)
        if is_number and -len(self.states) <= int(given) < len(self.states):
            return self.states[int(given)]
        near = did_you_mean(given, self.parts) if isinstance(given, str) else ""
        states = f", or the number of a state, 0 to {len(self.states) - 1}" if self.states else ""
        raise UsageError(
            f"panels= takes names of {self._listed()}{states}; {given!r} is none of them.{near}"
        )

    def _listed(self) -> str:
        """All names; of many in a row, as states are, some."""
        names = list(self.parts)
        return quoted_list(names if len(names) < 12 else [*names[:4], "...", *names[-3:]])
