"""What `segmentation` found, as arrays, tables and figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

import vitlens_widgets.charts as charts
from vitlens_widgets.analysis.compare import same_states
from vitlens_widgets.analysis.over_images import OverImages, over_images
from vitlens_widgets.analysis.result import Result, capitalised, check_name, mean_and_half
from vitlens_widgets.data import LabelSet
from vitlens_widgets.data.frames import frame
from vitlens_widgets.errors import check_flag
from vitlens_widgets.trace.sites import check_index

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812
    from pandas import DataFrame

MEANINGS = {
    "iou": "intersection over union with the mask, of patches",
    "separation": "probability that a patch of the thing ranks above another",
    "everywhere": "intersection over union of answering it everywhere",
}
"""What is measured; `vl.analysis.segmentation` defines each."""

_CALLED = {
    "iou": "mean IoU",
    "separation": "mean separation",
    "everywhere": "mean IoU of answering it everywhere",
}
"""What figures call it."""


@dataclass(frozen=True, eq=False)
class Segmentation(Result):
    """What `segmentation` found. The last axis counts pairs: a class in an image that shows it.

    Attributes:
        title: The lens, the model and the number of images.
        labels: The class names.
        state_names: `["0_pre", ..., "final"]`.
        image: Which image each pair is of, int64 `[pair]`.
        label: Which class, int64 `[pair]`.
        values: float64 `[state, pair]` by name: `"iou"`, `"separation"`, `"everywhere"`.
        background: The class that is no thing; None if the labels have none.
        n_images: How many images there were, also those that show no class.
    """

    title: str
    labels: LabelSet
    state_names: list[str]
    image: np.ndarray = field(repr=False)
    label: np.ndarray = field(repr=False)
    values: dict[str, np.ndarray] = field(repr=False)
    background: int | None
    n_images: int

    def things(self, name: str = "iou") -> np.ndarray:
        """The mean over each image's things, float64 `[state, image]`; NaN where there are none.

        Raises:
            UsageError: It was not measured.
        """
        return self._by_image(
            name, self.label != (-1 if self.background is None else self.background)
        )

    def of(self, label: int | str, name: str = "iou") -> np.ndarray:
        """One class, float64 `[state, image]`; NaN where an image does not show it.

        Raises:
            UsageError: No such class, or it was not measured.
        """
        return self._by_image(name, self.label == self.labels.index(label))

    def mean(self, name: str = "iou") -> OverImages:
        """The mean of `things` over images at each state, with spread and number.

        Raises:
            UsageError: It was not measured.
        """
        return over_images(self.things(name))

    def table(self) -> DataFrame:
        """A row per state: means over images, each with half the width of its 95 % interval."""
        columns: dict[str, list[Any]] = {"state": self.state_names}
        for name in MEANINGS:
            found = self.mean(name)
            columns |= {name: found.mean.tolist(), f"± ({name})": found.half.tolist()}
        return frame(columns, f"Things, {self.title}")

    def classes(self, state: int | None = None) -> DataFrame:
        """A row per class that is shown: at one state, its means over the images that show it.

        Args:
            state: Which state; the final one by default.

        Raises:
            UsageError: There is no such state.
        """
        n_states = len(self.state_names)
        state = check_index("state", n_states - 1 if state is None else state, n_states)
        shown = [int(label) for label in np.unique(self.label)]
        found = {name: [over_images(self.of(c, name)[state]) for c in shown] for name in MEANINGS}
        numbers = [int(one.n) for one in found["iou"]]
        columns: dict[str, list[Any]] = {
            "class": [self.labels[c] for c in shown],
            "images": numbers,
        }
        for name, means in found.items():
            columns[name] = [float(one.mean) for one in means]
            columns[f"± ({name})"] = [float(one.half) for one in means]
        return frame(columns, f"Classes at {self.state_names[state]}, {self.title}")

    def summary(self) -> str:
        """Every measure of the things at the final state."""
        lines = [f"{MEANINGS[name]}: {mean_and_half(self.mean(name), -1)}" for name in MEANINGS]
        return "\n".join([self.title, *lines])

    def figure(self, name: str = "iou", *, by_class: bool = False) -> Figure:
        """One measure's mean over images at each state, with 95 % intervals.

        Args:
            name: `"iou"`, `"separation"` or `"everywhere"`.
            by_class: Draw a shaded number for each class and state instead: the mean over the
                images that show it.

        Raises:
            UsageError: It was not measured.
        """
        by_class = check_flag("by_class=", by_class)
        return self._of_classes(name) if by_class else self.compared({"": self}, name)

    @classmethod
    def compared(cls, results: Mapping[str, Segmentation], name: str = "iou") -> Figure:
        """Several results in one figure, by name; see `vl.analysis.compare`."""
        states = same_states(results)
        measured = [one.mean(name) for one in results.values()]
        first, called = next(iter(results.values())), _CALLED[name]
        means = {key or called: mean for key, mean in zip(results, measured, strict=True)}
        alone = len(results) == 1
        title = first.titled(f"{called} by state") if alone else capitalised(MEANINGS[name])
        plot = charts.figure_over_states(title, states, called, y_range=(-0.02, 1.02))
        return charts.with_means(plot, "state", states, means)

    def _of_classes(self, name: str) -> Figure:
        shown = [int(label) for label in np.unique(self.label)]
        means = {c: over_images(self.of(c, name)) for c in shown}
        names = [self.labels[c] for c in shown]
        title = self.titled(f"{_CALLED[name]} by class and state")
        plot = charts.figure_over_states(title, self.state_names, "", y_range=names[::-1])
        plot.height = 60 + 26 * len(shown)
        cells: list[dict[str, Any]] = [
            {"state": state, "class": self.labels[c], "images": int(one.n[k])}
            | {name: float(one.mean[k])}
            for k, state in enumerate(self.state_names)
            for c, one in means.items()
        ]
        return charts.with_cells(plot, "state", "class", name, cells)

    def _by_image(self, name: str, pairs: np.ndarray) -> np.ndarray:
        """The mean over chosen pairs of each image, `[state, image]`."""
        measured, images = self.values[check_name(name, self.values)][:, pairs], self.image[pairs]
        there = ~np.isnan(measured)
        sums, counts = (
            np.stack([np.bincount(images, row, self.n_images) for row in rows])
            for rows in (np.where(there, measured, 0), there)
        )
        with np.errstate(invalid="ignore"):
            return sums / counts
