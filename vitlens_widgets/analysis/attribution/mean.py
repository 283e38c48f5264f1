"""`MeanAttribution`: what components add, on average over images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

import vitlens_widgets.charts as charts
from vitlens_widgets.analysis.attribution.components import Component, places
from vitlens_widgets.analysis.over_images import OverImages
from vitlens_widgets.analysis.result import Result, check_name, mean_and_half
from vitlens_widgets.data.frames import frame
from vitlens_widgets.errors import check_choice

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812
    from pandas import DataFrame

_BLOCKS = "blocks that have run"
FIGURES = ("curve", "steps", "heads")


@dataclass(frozen=True, repr=False)
class MeanAttribution(Result):
    """What each component adds to the logits that were asked for, mean over images.

    Attributes:
        title: Of which model and images.
        rows: What was asked: the targets; with `against`, that class, and each target less it.
        n_targets: How many targets there are.
        components: In the order of the forward pass.
        adds: What each adds, `[row, component]`.
        curve: The answer as it is put together: the embedding, after attention and MLP of each
            block, and with the constants, `[row, 2 L + 2]`.
        n_images: How many images.
    """

    title: str
    rows: tuple[str, ...]
    n_targets: int
    components: tuple[Component, ...]
    adds: OverImages
    curve: OverImages
    n_images: int

    @property
    def n_layers(self) -> int:
        """L."""
        return self.curve.mean.shape[-1] // 2 - 1

    @property
    def main(self) -> str:
        """The row that is looked at first: the first target, less what it is compared with."""
        return self.rows[-self.n_targets]

    def heads(self, row: str | None = None) -> np.ndarray:
        """What each head adds, float64 `[layer, head]`.

        Args:
            row: One of the `rows`; None for the `main` one.

        Raises:
            UsageError: There is no such row.
        """
        chosen = [i for i, one in enumerate(self.components) if one.kind == "head"]
        return self.adds.mean[self._row(row), chosen].reshape(self.n_layers, -1)

    def table(self) -> DataFrame:
        """A row per component: what it adds to each row, with half its 95 % interval."""
        columns = {
            "component": [one.name for one in self.components],
            "kind": [one.kind for one in self.components],
            "layer": [one.layer for one in self.components],
            "head": [one.head for one in self.components],
        }
        for i, name in enumerate(self.rows):
            columns[name] = self.adds.mean[i].tolist()
            if self.n_images > 1:
                columns[f"± ({name})"] = self.adds.half[i].tolist()
        return frame(columns, self.title)

    def figure(self, name: str = "curve", row: str | None = None) -> Figure:
        """One of three figures.

        Args:
            name: `"curve"`: the logits as they are put together, block by half block, targets
                solid, what they are compared with dashed; `"steps"`: what attention and MLP of each
                block add to one row; `"heads"`: what each head adds to it.
            row: One of the `rows`; None for the `main` one. The curve shows all classes.

        Raises:
            UsageError: There is no such figure or row.
        """
        check_choice("The figure", name, FIGURES)
        chosen = self._row(row)
        if name == "heads":
            quantity = f"added to {self.rows[chosen]}"
            plot = charts.figure_over_layers(
                self.titled(f"what each head has {quantity}"), quantity, self.n_layers
            )
            values = {self.rows[chosen]: self.heads(self.rows[chosen])}
            return charts.with_dots(plot, "adds", values, {self.rows[chosen]: 0.0})
        return self._curve() if name == "curve" else self._steps(chosen)

    def _curve(self) -> Figure:
        where = places(self.n_layers)
        plot = charts.figure_over_states(
            self.titled("logits as they are put together"), where, "logit so far"
        )
        plot.xaxis.axis_label = _BLOCKS
        compared = len(self.rows) > self.n_targets
        names = self.rows[: self.n_targets + compared]
        curves = {name: self.curve.mean[i].tolist() for i, name in enumerate(names)}
        bands = {
            name: (self.curve.low[i].tolist(), self.curve.high[i].tolist())
            for i, name in enumerate(names)
        }
        colour = charts.COLOURS[self.n_targets % len(charts.COLOURS)]
        looks = {names[-1]: (colour, "dashed")} if compared else None
        return charts.with_curves(
            plot, "blocks", where, curves, bands if self.n_images > 1 else None, looks
        )

    def _steps(self, row: int) -> Figure:
        quantity = f"added to {self.rows[row]}"
        title = self.titled(f"what each half block has {quantity}")
        plot = charts.figure_over_states(title, places(self.n_layers)[1:], quantity)
        plot.xaxis.axis_label = _BLOCKS
        return charts.with_bars(plot, "to", "adds", {self.rows[row]: np.diff(self.curve.mean[row])})

    def summary(self) -> str:
        """Each row's logit, and of the main one the components that add and take most."""
        lines = [f"{self.title}: what {len(self.components)} components add"]
        last = self.curve.mean.shape[-1] - 1
        lines += [
            f"  {name}: {self._said(self.curve, (i, last))}" for i, name in enumerate(self.rows)
        ]
        row = self._row(None)
        order = np.argsort(-self.adds.mean[row], kind="stable")
        for word, some in (("most", order[:3]), ("least", order[:-4:-1])):
            said = ", ".join(
                f"{self.components[i].name} {self._said(self.adds, (row, int(i)))}" for i in some
            )
            lines.append(f"  {word} for {self.main}: {said}")
        return "\n".join(lines)

    def _said(self, values: OverImages, place: tuple[int, int]) -> str:
        if self.n_images > 1:
            return mean_and_half(values, place)
        return f"{values.mean[place]:+.3f}"

    def _row(self, row: str | None) -> int:
        return self.rows.index(check_name(self.main if row is None else row, self.rows))
