"""What `identifiability` found: rates, tables and figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

import vitlens_widgets.charts as charts
from vitlens_widgets.analysis.boxes import Boxes, boxes_of_ranks
from vitlens_widgets.analysis.class_space import published
from vitlens_widgets.analysis.class_space.evolution import COUNTED, MEANINGS, figure_of_boxes
from vitlens_widgets.analysis.class_space.groups import grouped
from vitlens_widgets.analysis.over_images import OverImages
from vitlens_widgets.analysis.result import Result, check_name, mean_and_half
from vitlens_widgets.data import LabelSet
from vitlens_widgets.data.frames import frame
from vitlens_widgets.trace.sites import check_index

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812
    from pandas import DataFrame

_RATES = ("rate", "images", "readout_rate")
_PAIRS = {"score": ("score", "readout_score"), "rate": ("rate", "readout_rate")}
_CALLED = {"score": "image tokens", "rate": "image tokens", "images": "any image token"}


@dataclass(frozen=True, eq=False)
class Identifiability(Result):
    """What `identifiability` found.

    Attributes:
        title: The model, the number of images and where they are from.
        labels: The class names.
        state_names: `["0_pre", ..., "final"]`.
        n_images: Of how many images.
        values: Each of `MEANINGS`, over images, `[state]`: mean, deviation, 95 % interval.
        counts: How many image tokens, and readouts, have the true class at each rank, int64
            `[state, rank]`, from rank 1 on.
        baseline: `values` of the model it is compared with; None without one.
        p: One-sided p of Wilcoxon's signed-rank test that scores are above the baseline's, float64
            `[state]`, for "all_tokens" and for "image_tokens"; empty without a baseline.
        class_images: How many images of each class there were, int64 `[class]`.
        class_values: "score" and "rate" of each class, `[class, state]`; NaN without images.
        paper: Which of the seven models of the paper this is; "" for any other.
    """

    title: str
    labels: LabelSet
    state_names: list[str]
    n_images: int
    values: Mapping[str, OverImages] = field(repr=False)
    counts: Mapping[str, np.ndarray] = field(repr=False)
    baseline: Mapping[str, OverImages] | None = field(repr=False)
    p: Mapping[str, np.ndarray] = field(repr=False)
    class_images: np.ndarray = field(repr=False)
    class_values: Mapping[str, np.ndarray] = field(repr=False)
    paper: str = ""

    @property
    def rate(self) -> float:
        """The identifiability rate: the mean share of image tokens, at the final state."""
        return float(self.values["rate"].mean[-1])

    @property
    def chance(self) -> dict[str, float]:
        """What each measure is for logits in random order; "images" depends on the tokens."""
        score, rate = (len(self.labels) + 1) / (2 * len(self.labels)), 1 / len(self.labels)
        return {"score": score, "readout_score": score, "rate": rate, "readout_rate": rate}

    @property
    def published(self) -> dict[str, np.ndarray]:
        """The paper's curves for this model, `[state]`, by the names of `values`.

        NaN where it has none: before the first block, and rates but for the last. Source:
        `class_space.published`.
        """
        curves = {"score": published.TOKEN_SCORES, "readout_score": published.READOUT_SCORES}
        known = {
            n: [np.nan, *curve[self.paper]] for n, curve in curves.items() if self.paper in curve
        }
        before = [np.nan] * (len(self.state_names) - 1)
        rates = zip(_RATES, published.RATES.get(self.paper, ()), strict=False)
        known |= {name: [*before, rate] for name, rate in rates}
        return {name: np.array(curve) for name, curve in known.items()}

    @property
    def boxes(self) -> dict[str, Boxes]:
        """The scores of all image tokens, and of readouts, `[state]`, for `figure("boxes")`."""
        return {COUNTED[name]: boxes_of_ranks(counts) for name, counts in self.counts.items()}

    def mean(self, name: str) -> OverImages:
        """One of `MEANINGS` over images, `[state]`.

        Raises:
            UsageError: There is no such measure.
        """
        return self.values[check_name(name, self.values)]

    def normalised(self, name: str = "score", blocks: int = 12) -> np.ndarray:
        """Means over as many runs of consecutive blocks, float64 `[blocks]`, without state 0.

        By this models of different depth share an axis: of 24 blocks, 12 pairs.

        Raises:
            UsageError: There is no such measure, or the depth is no multiple of `blocks`.
        """
        return grouped(self.mean(name).mean[1:], blocks)

    def rates(self) -> DataFrame:
        """The rates at the final state, and what the paper has for them."""
        columns: dict[str, list[Any]] = {
            "at the final state": [MEANINGS[name] for name in _RATES],
            "measured": [float(self.values[name].mean[-1]) for name in _RATES],
            "±": [float(self.values[name].half[-1]) for name in _RATES],
        }
        if self.paper:
            columns[published.SOURCE] = [float(self.published[name][-1]) for name in _RATES]
        if self.baseline is not None:
            columns["baseline"] = [float(self.baseline[name].mean[-1]) for name in _RATES]
        if self.baseline is not None and self.paper in published.RANDOM_RATES:
            known = [*published.RANDOM_RATES[self.paper], None]
            columns[f"random weights, {published.SOURCE}"] = known
        return frame(columns, self.title)

    def table(self) -> DataFrame:
        """A row per state: every mean with half its 95 % interval, baseline and published."""
        columns: dict[str, list[Any]] = {"state": self.state_names}
        for name, one in self.values.items():
            columns[name] = one.mean.tolist()
            columns[f"± ({name})"] = one.half.tolist()
            if self.baseline is not None:
                columns[f"{name}, baseline"] = self.baseline[name].mean.tolist()
            if name in self.published:
                columns[f"{name}, {published.SOURCE}"] = published.listed(self.published[name])
        for which, p in self.p.items():
            columns[f"p, {which.replace('_', ' ')}"] = p.tolist()
        return frame(columns, self.title)

    def classes(self, state: int = -1) -> DataFrame:
        """A row per class that was shown: how many images, score and rate of image tokens.

        Raises:
            UsageError: There is no such state; -1 is the final one.
        """
        count = len(self.state_names)
        state = check_index("state", count - 1 if state == -1 else state, count)
        shown = np.flatnonzero(self.class_images)
        columns: dict[str, list[Any]] = {
            "class": [self.labels[i] for i in shown],
            "images": self.class_images[shown].tolist(),
        }
        for name, values in self.class_values.items():
            columns[name] = values[shown, state].tolist()
        return frame(columns, f"{self.title}, {self.state_names[state]}")

    def summary(self) -> str:
        """The rates at the final state."""
        lines = [f"{MEANINGS[name]}: {mean_and_half(self.values[name], -1)}" for name in _RATES]
        return "\n".join([self.title, *lines])

    def figure(self, name: str = "score") -> Figure:
        """One measure state by state, means over images with 95 % intervals.

        Image tokens and readout, the baseline's, what the paper published, and a star where the
        tokens' scores are above the baseline's (one-sided p < .05).

        Args:
            name: `"score"`, `"rate"`, `"images"`, one of the two of the readout alone, or
                `"boxes"`: all image tokens' scores beside readouts', as box plots.

        Raises:
            UsageError: There is no such measure.
        """
        check_name(name, [*self.values, "boxes"])
        return self._boxes() if name == "boxes" else self._curves(name)

    @classmethod
    def compared(cls, results: Mapping[str, Identifiability], name: str = "score") -> Figure:
        """A curve each over as many groups of blocks as the shallowest has; see `compare`."""
        blocks = min(len(one.state_names) - 1 for one in results.values())
        curves = {called: one.normalised(name, blocks).tolist() for called, one in results.items()}
        places = [str(block) for block in range(1, blocks + 1)]
        short = "share of images" if name == "images" else f"identifiability {name.split('_')[-1]}"
        plot = charts.figure_over_states(MEANINGS[name], places, short)
        plot.xaxis.axis_label = "normalised block"
        charts.with_curves(plot, "block", places, curves)
        chances = {one.chance.get(name) for one in results.values()}
        charts.with_chance(plot, chances.pop() if len(chances) == 1 else None)
        return plot

    def _curves(self, name: str) -> Figure:
        names = _PAIRS.get(name, (name,))
        means = {_called(one): self.mean(one) for one in names}
        beside = {}
        if self.baseline is not None:
            curves = {one: self.baseline[one].mean.tolist() for one in names}
            beside = {f"{_called(one)}, baseline": curve for one, curve in curves.items()}
        for one in names:
            if one in self.published:
                beside[f"{_called(one)}, {published.SOURCE}"] = self.published[one].tolist()
        quantity = f"identifiability {name}" if name in _PAIRS else MEANINGS[name].split(":")[0]
        plot = charts.figure_over_states(
            self.titled(f"{quantity} by state"), self.state_names, quantity
        )
        charts.with_means(plot, "state", self.state_names, means, beside)
        charts.with_chance(plot, self.chance.get(name))
        return self._with_stars(plot) if name == "score" else plot

    def _boxes(self) -> Figure:
        plot = figure_of_boxes(
            self.titled("identifiability scores as boxes"),
            self.state_names,
            self.boxes,
            len(self.labels),
        )
        return self._with_stars(plot)

    def _with_stars(self, plot: Figure) -> Figure:
        if "all_tokens" in self.p:
            what = "above the baseline"
            charts.with_stars(plot, self.state_names, self.p["all_tokens"], what)
        return plot


def _called(name: str) -> str:
    """What a curve is of."""
    return _CALLED.get(name, "readout")
