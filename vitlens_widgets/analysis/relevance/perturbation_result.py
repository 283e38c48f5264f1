"""What a perturbation test has found: curves of accuracy, and the areas under them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from bokeh.models import Range1d

import vitlens_widgets.charts as charts
from vitlens_widgets.analysis.class_space import published
from vitlens_widgets.analysis.class_space.rules import check_choice
from vitlens_widgets.analysis.over_images import OverImages
from vitlens_widgets.analysis.relevance.auc import Area
from vitlens_widgets.analysis.result import Result, check_name, mean_and_half
from vitlens_widgets.data.frames import frame

if TYPE_CHECKING:
    from bokeh.models import LayoutDOM
    from bokeh.plotting import figure as Figure  # noqa: N812
    from pandas import DataFrame

ALONG = "patches removed"
"""What the horizontal axes of figures about removal count."""

_LOOKS = {
    "negative": ("least relevant first", (charts.COLOURS[0], "solid")),
    "positive": ("most relevant first", (charts.COLOURS[1], "dashed")),
    "random": ("random", (charts.COLOURS[6], "dotted")),
}
"""What a curve is called beside a method's other one, and its colour and dashes."""


@dataclass(frozen=True, eq=False)
class PerturbationTest(Result):
    """What `perturbation_test` found.

    Attributes:
        title: The model, the number of images and where they are from.
        n_images: Of how many images.
        n_patches: How many patches an image has.
        kept: How many of them are left at each point, most first, int64 `[point]`.
        methods: What was compared: each method's label by its name.
        accuracy: The share of images whose true class comes first, `[point]`, by curve:
            `"<method>_negative"`, `"<method>_positive"`, and `"random"`, in which an image counts
            with the share of the random orders that leave it right.
        auc: The area under each of these, by how it is taken (`relevance.auc.Area`) and curve.
        probability: The mean probability of the true class, `[point]`, by curve.
        all_patches: The accuracy with nothing removed.
        random_orders: The accuracy of each random order, float64 `[order, point]`.
        paper: Which of the seven models of the paper this is; "" for any other.
    """

    title: str
    n_images: int
    n_patches: int
    kept: np.ndarray
    methods: Mapping[str, str]
    accuracy: Mapping[str, OverImages] = field(repr=False)
    auc: Mapping[str, Mapping[str, OverImages]] = field(repr=False)
    probability: Mapping[str, OverImages] = field(repr=False)
    all_patches: OverImages = field(repr=False)
    random_orders: np.ndarray = field(repr=False)
    paper: str = ""

    @property
    def labels(self) -> dict[str, str]:
        """What each curve is called for people, by curve."""
        called = {
            f"{name}_{order}": f"{label}, {order}"
            for name, label in self.methods.items()
            for order in ("negative", "positive")
        }
        return {name: called.get(name, name) for name in self.accuracy}

    @property
    def removed(self) -> np.ndarray:
        """The share of the patches that is gone at each point, float64 `[point]`.

        The paper's figure begins at 0 % where one patch is gone already.
        """
        return 1 - self.kept / self.n_patches

    @property
    def published(self) -> dict[str, float]:
        """The paper's areas for this model, by curve, as released."""
        known = published.REMOVAL_AUC.get(self.paper, {})
        return {name: known[name] for name in self.accuracy if name in known}

    def table(self, area: Area = "released") -> DataFrame:
        """A row per curve: its area with half its 95 % interval, and what the paper has for it.

        Args:
            area: `"released"`, as the authors' code computes it: of the curve as a share of its
                own maximum, which lies below 1 even for a flat one; or the plain `"mean"`.

        Raises:
            UsageError: Another word.
        """
        found = self.auc[check_choice("area", area, list(self.auc))]
        columns: dict[str, list[Any]] = {
            "patches removed by": [self.labels[name] for name in found],
            f"AUC ({area})": [float(one.mean) for one in found.values()],
            "±": [float(one.half) for one in found.values()],
        }
        if area == "released" and self.published:
            columns[published.SOURCE] = [self.published.get(name) for name in found]
        return frame(columns, self.title)

    def curves(self) -> DataFrame:
        """A row per point: how much is removed, and every accuracy with half its interval."""
        columns: dict[str, list[Any]] = {
            "kept": self.kept.tolist(),
            "removed": self.removed.tolist(),
        }
        for name, one in self.accuracy.items():
            columns |= {name: one.mean.tolist(), f"± ({name})": one.half.tolist()}
        return frame(columns, self.title)

    def curve(self, name: str) -> OverImages:
        """One of the curves of accuracy, `[point]`.

        Raises:
            UsageError: There is no such curve.
        """
        return self.accuracy[check_name(name, self.accuracy)]

    def summary(self) -> str:
        """The area under each curve, as released."""
        areas = {self.labels[name]: one for name, one in self.auc["released"].items()}
        lines = [f"area, {label}: {mean_and_half(one)}" for label, one in areas.items()]
        return "\n".join([self.title, *lines])

    def figure(self) -> LayoutDOM:
        """Accuracy over the share of the patches that is gone, with 95 % intervals inside [0, 1].

        A small figure for each method against random orders, all with the same axes. A line stands
        where the accuracy is with all patches there.
        """
        title = self.titled("accuracy as patches are removed")
        figures = [self._against_random(label, name) for name, label in self.methods.items()]
        figures = figures or [self._against_random("random orders")]
        key = {called: look for end, (called, look) in _LOOKS.items() if self._is_there(end)}
        return charts.beside(figures, title, shared=True, key=key)

    def _is_there(self, end: str) -> bool:
        """Whether there is a curve of this kind."""
        return any(name.endswith(end) for name in self.accuracy)

    def _against_random(self, label: str, method: str = "") -> Figure:
        """Both curves of a method, and that of random orders where there are any."""
        plot = charts.figure_over_shares(label, ALONG, "accuracy")
        plot.update(height=240, y_range=Range1d(start=-0.05, end=1.15))
        found = {
            called: (self.accuracy[name], look)
            for end, (called, look) in _LOOKS.items()
            for name in (end, f"{method}_{end}")
            if name in self.accuracy
        }
        curves = {called: one.mean.tolist() for called, (one, _) in found.items()}
        bands = {
            called: tuple(end.clip(0, 1).tolist() for end in (one.low, one.high))
            for called, (one, _) in found.items()
        }
        looks, places = {called: look for called, (_, look) in found.items()}, self.removed.tolist()
        charts.with_curves(plot, ALONG, places, curves, bands, looks, legend=False)
        charts.with_chance(plot, float(self.all_patches.mean), "all patches")
        return plot
