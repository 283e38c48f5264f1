"""What activation patching found: a number for each place, as arrays with named axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

import vitlens_widgets.charts as charts
from vitlens_widgets.analysis.over_images import OverImages
from vitlens_widgets.analysis.patching.gap import Gap
from vitlens_widgets.analysis.result import Result, check_name, mean_and_half
from vitlens_widgets.data.frames import frame
from vitlens_widgets.errors import UsageError, check_choice, check_count, quoted_list

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812
    from pandas import DataFrame

MEANINGS = {
    "share": "share of the way to the other answer",
    "effect": "effect: 0 as the corrupted run, 1 as the clean run",
    "metric": "the metric itself",
}
_STRONGEST = 5


@dataclass(frozen=True, eq=False)
class ActivationPatching(Result):
    """What `activation_patching` found.

    Attributes:
        title: The model, what was put where, and how many places of all were done.
        how: `"denoising"` (clean values into the corrupted run) or `"noising"`.
        site: The site; "" of a list of places.
        axes: The names of the axes after `image`, such as `("layer", "head")`; `("place",)` of a
            list.
        along: What stands along each, by name: numbers of layers (of states, at `resid_pre`),
            heads, tokens of the layout, neurons; of a list the places in words.
        names: The same for people.
        metric: The metric with each place exchanged, float64 `[image, *axes]`; NaN where an
            interrupt came first.
        gap: The metric of both runs, `Gap`: `gap.clean`, `gap.corrupted`, `gap.size`.
    """

    title: str
    how: str
    site: str
    axes: tuple[str, ...]
    along: Mapping[str, Sequence[Any]] = field(repr=False)
    names: Mapping[str, Sequence[str]] = field(repr=False)
    metric: np.ndarray = field(repr=False)
    gap: Gap = field(repr=False)

    @property
    def effect(self) -> np.ndarray:
        """The normalised effect, float64 `[image, *axes]`: 0 as the corrupted run, 1 as the clean.

        `(m - m_corrupted) / (m_clean - m_corrupted)`, in both directions; NaN for an image whose
        gap is too small to divide by, as `gap.sentence()` says.

        Source: Heimersheim & Nanda (2024), section 4; Wang et al. (2023).
        """
        return self.gap.effect(self.metric)

    @property
    def share(self) -> np.ndarray:
        """The share of the way to the other run's answer, float64 `[image, *axes]`.

        From the answer of the run that values are put into (0) to that of the run that they are
        of (1): the effect in denoising, 1 less the effect in noising. The strong are those far
        from 0 in both.
        """
        return self.effect if self.how == "denoising" else 1 - self.effect

    @property
    def is_done(self) -> np.ndarray:
        """Which places were done, bool `[*axes]`."""
        return np.asarray(~np.isnan(self.metric).any(0))

    def over_pairs(self, name: str = "share") -> OverImages:
        """All pairs together, `[*axes]`, with 95 % intervals.

        Args:
            name: `"share"` or `"effect"`, mean changes over the mean gap (`Gap.over_pairs`), or
                `"metric"`, its mean.

        Raises:
            UsageError: Something else.
        """
        check_name(name, MEANINGS)
        if name == "metric":
            return self.gap.mean_of(self.metric)
        effect = self.gap.over_pairs(self.metric)
        if name == "effect" or self.how == "denoising":
            return effect
        return OverImages(1 - effect.mean, effect.deviation, effect.half, effect.n)

    def strongest(self, n: int = _STRONGEST) -> list[tuple[int, ...]]:
        """The places farthest from 0 in share over all pairs, first the strongest: indices.

        Raises:
            UsageError: `n` is no number of places.
        """
        n = check_count("n", n, least=1)
        size = np.abs(self.over_pairs().mean).ravel()
        order = np.argsort(-np.nan_to_num(size, nan=-1.0), kind="stable")[:n]
        chosen = order[~np.isnan(size[order])]
        at = np.stack(np.unravel_index(chosen, self.metric.shape[1:]), axis=-1)
        found: list[list[int]] = at.tolist()
        return [tuple(place) for place in found]

    def table(self) -> DataFrame:
        """A row per place: where it is, metric, effect and share over all pairs, ± half intervals.

        Without intervals of a single pair.
        """
        places = np.indices(self.metric.shape[1:]).reshape(len(self.axes), -1)
        columns: dict[str, list[Any]] = {}
        for axis, at in zip(self.axes, places, strict=True):
            columns[axis] = [self.along[axis][i] for i in at]
            if axis in ("token", "query", "key"):
                columns[f"{axis} is"] = [self.names[axis][i] for i in at]
        for name in MEANINGS:
            found = self.over_pairs(name)
            columns[name] = found.mean.ravel().tolist()
            if len(self.metric) > 1:
                columns[f"± ({name})"] = found.half.ravel().tolist()
        return frame(columns, self.title)

    def summary(self) -> str:
        """The gap, and the strongest places with their share of the way."""
        lines = [self.title, self.gap.sentence()]
        found = self.over_pairs()
        for at in self.strongest():
            several = len(self.metric) > 1
            number = mean_and_half(found, at) if several else f"{found.mean[at]:.3f}"
            lines.append(f"{self._name(at)}: {number} of the way to the other answer")
        return "\n".join(lines)

    def figure(self, name: str = "share", **at: int) -> Figure:
        """One number for each place: cells over layers, or bars along a single axis.

        Args:
            name: `"share"`, `"effect"` or `"metric"`.
            **at: Of an axis what is drawn, such as `head=3`, until two axes are left.

        Raises:
            UsageError: Another name, an axis or value that is not there, more than two axes, or a
                gap that is too small to divide by.
        """
        check_name(name, MEANINGS)
        if name != "metric":
            self.gap.check()
        values, axes = self._drawn(self.over_pairs(name).mean, at)
        quantity = self.gap.metric if name == "metric" else MEANINGS[name]
        title = self.titled(
            ", ".join([quantity.split(":")[0], *(f"{axis} {i}" for axis, i in at.items())])
        )
        names = {axis: list(self.names[axis]) for axis in axes}
        if len(axes) == 1:
            plot = charts.figure_over_states(title, names[axes[0]], quantity)
            return charts.with_bars(plot, axes[0], quantity, {quantity: values})
        return charts.signed_cells(title, quantity, values, axes, names)

    def _drawn(self, values: np.ndarray, at: Mapping[str, Any]) -> tuple[np.ndarray, list[str]]:
        axes = list(self.axes)
        for axis, value in at.items():
            where = axes.index(check_choice("An axis that is not drawn", axis, axes))
            along = list(self.along[axis])
            if value not in along:
                raise UsageError(f"{axis}={value!r} is not in this sweep; it has {_some(along)}.")
            values = np.take(values, along.index(value), axis=where)
            axes.remove(axis)
        if not 0 < len(axes) <= 2:
            raise UsageError(
                f"A figure has one axis or two, not {len(axes)}: say which of {quoted_list(axes)} "
                f"to draw, as figure({self.axes[-1]}=...)."
            )
        return values, axes

    def _name(self, at: tuple[int, ...]) -> str:
        said = [self.names[axis][i] for axis, i in zip(self.axes, at, strict=True)]
        if self.axes == ("place",):
            return said[0]
        if self.axes == ("layer", "head") and self.site == "z":
            return f"L{said[0]} H{said[1]}"
        return ", ".join(f"{axis} {one}" for axis, one in zip(self.axes, said, strict=True))


def _some(along: Sequence[Any]) -> str:
    shown = ", ".join(map(str, along[:8]))
    return shown if len(along) <= 8 else f"{shown}, ... {along[-1]}"
