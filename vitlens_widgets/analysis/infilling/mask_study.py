"""How the painting depends on how much is hidden: scores over a grid of mask ratios and seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

import vitlens_widgets.charts as charts
from vitlens_widgets.analysis.experiment import experiment
from vitlens_widgets.analysis.infilling.score import QUANTITIES, finite
from vitlens_widgets.analysis.over_images import OverImages, over_images
from vitlens_widgets.analysis.result import Result, mean_and_half
from vitlens_widgets.data.frames import frame
from vitlens_widgets.errors import UsageError, counted, said
from vitlens_widgets.lenses import InfillLens
from vitlens_widgets.lenses.infill.masks import check_share
from vitlens_widgets.lenses.infill.scores import REFERENCES, check_metric
from vitlens_widgets.progress import progress
from vitlens_widgets.trace.sites import check_index

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812
    from pandas import DataFrame


@dataclass(frozen=True, eq=False)
class MaskStudy(Result):
    """Scores of every state over mask ratios and seeds, with confidence intervals.

    Attributes:
        title: The lens, the model, and of how many images and masks.
        ratios: Shares of hidden patches.
        seeds: Of the masks.
        state_names: `["0_pre", ..., "final"]`.
        values: By (metric, `"original"` or `"final"`), float64 `[ratio, seed, state, image]`.
        converged: The state at which each painting has converged (`Infilling.converged`), int64
            `[ratio, seed, image]`.
    """

    title: str
    ratios: tuple[float, ...]
    seeds: tuple[int, ...]
    state_names: tuple[str, ...]
    values: dict[tuple[str, str], np.ndarray] = field(repr=False)
    converged: np.ndarray = field(repr=False)

    @property
    def metrics(self) -> tuple[str, ...]:
        """The names of the scores."""
        return tuple(dict.fromkeys(metric for metric, _ in self.values))

    def mean(self, metric: str, reference: str = "original") -> np.ndarray:
        """Mean over images and seeds, `[ratio, state]`.

        Raises:
            UsageError: The metric was not measured.
        """
        return self._of(metric, reference).mean(axis=(1, 3))

    def interval(
        self, metric: str, reference: str = "original", level: float = 0.95
    ) -> tuple[np.ndarray, np.ndarray]:
        """Confidence interval of the mean, (low, high), both `[ratio, state]`.

        Student's t over images, each one's score being its mean over the seeds, so that masks of
        one image do not count as independent images; over seeds where there is one image. With one
        image and one seed, or an infinite score, there is no interval: NaN.

        Args:
            metric: Which score.
            reference: `"original"` or `"final"`.
            level: Of confidence, above 0 and below 1.

        Raises:
            UsageError: The metric was not measured, or a level outside (0, 1).
        """
        both = self._over(metric, reference, check_share("level", level))
        return both.low, both.high

    def table(self, reference: str = "original") -> DataFrame:
        """One row per ratio and state: each metric's mean and half the width of its interval.

        Raises:
            UsageError: Another word for `reference`.
        """
        pairs = list(product(range(len(self.ratios)), range(len(self.state_names))))
        columns: dict[str, list[Any]] = {
            "mask ratio": [self.ratios[r] for r, _ in pairs],
            "state": [self.state_names[s] for _, s in pairs],
        }
        for metric in self.metrics:
            columns[metric] = self.mean(metric, reference).ravel().tolist()
            columns[f"{metric} ±"] = self._over(metric, reference).half.ravel().tolist()
        return frame(columns, title=f"{self.title}, against the {reference}, 95 % intervals")

    def figure(
        self,
        name: str | None = None,
        reference: str = "original",
        states: Sequence[int] | None = None,
    ) -> Figure:
        """A score against the share of hidden patches, with 95 % intervals, a curve for each state.

        Args:
            name: One of `metrics`; None for the first.
            reference: `"original"` or `"final"`.
            states: Which states; all by default.

        Raises:
            UsageError: The metric was not measured, or there is no such state.
        """
        metric, n_states = self.metrics[0] if name is None else name, len(self.state_names)
        chosen = range(n_states) if states is None else states
        names = {self.state_names[check_index("state", k, n_states)]: k for k in chosen}
        mean, (low, high) = self.mean(metric, reference), self.interval(metric, reference)
        plot = charts.empty_figure(
            self.titled(f"{QUANTITIES[metric].split(',')[0]} against the {reference}"),
            QUANTITIES[metric],
        )
        plot.xaxis.axis_label = "share of hidden patches"
        return charts.with_curves(
            plot,
            "mask ratio",
            self.ratios,
            {name: finite(mean[:, k]) for name, k in names.items()},
            {name: (finite(low[:, k]), finite(high[:, k])) for name, k in names.items()},
        )

    def summary(self) -> str:
        """What the model itself paints, scored against the original, at each share hidden."""
        lines = [
            f"{ratio:.0%} hidden: {metric} {mean_and_half(self._over(metric), (r, -1))}"
            for metric in self.metrics
            for r, ratio in enumerate(self.ratios)
        ]
        return "\n".join([self.title, *lines])

    def _over(self, metric: str, reference: str = "original", level: float = 0.95) -> OverImages:
        """Each `[ratio, state]`, over images that are each the mean of their seeds, or seeds."""
        values = self._of(metric, reference)
        alone = values.shape[3] == 1
        return over_images(values[..., 0].swapaxes(1, 2) if alone else values.mean(axis=1), level)

    def _of(self, metric: str, reference: str) -> np.ndarray:
        if (metric, reference) not in self.values:
            known = ", ".join(f"{m} against the {a}" for m, a in self.values)
            raise UsageError(
                f"{metric} against the {reference} was not measured; there is {known}."
            )
        return self.values[metric, reference]


@experiment("lens", part="infilling", needs_classifier=False)
def mask_study(
    lens: InfillLens,
    images: Any,
    ratios: float | Sequence[float] = (0.25, 0.4, 0.55, 0.75, 0.9),
    seeds: int | Sequence[int] = range(5),
    metrics: str | Sequence[str] = ("mse", "psnr", "ssim"),
) -> MaskStudy:
    """The scores of every state over a grid of mask ratios and seeds.

    Args:
        lens: What paints, `vl.InfillLens(mae)`.
        images: As `vit.trace` takes them.
        ratios: Shares of hidden patches, or one.
        seeds: For the masks, or one; each is used at every ratio.
        metrics: Names of scores (`Infilling.score`), or one.

    Raises:
        UsageError: As `InfillLens.read`; no infill lens, an unknown metric, no ratio or no seed.
            Nothing is painted then.
    """
    _check_lens(lens)
    ratios, seeds, metrics = _listed(ratios), _listed(seeds), _listed(metrics)
    if not (ratios and seeds and metrics):
        raise UsageError("A study needs at least one mask ratio, one seed and one metric.")
    ratios = tuple(check_share("mask_ratio", ratio) for ratio in ratios)
    for metric in metrics:
        check_metric(metric)
    shown = lens.shown(images)
    masks = [lens.mask(len(shown.pixels), ratio, seed) for ratio, seed in product(ratios, seeds)]
    cells: list[dict[tuple[str, str], np.ndarray]] = []
    converged: list[np.ndarray] = []
    title = ""
    for mask in progress(masks, "mask study"):
        infilling = lens.paint(shown, mask)
        title = f"{infilling.lens_name} of {infilling.model_name}"
        cells.append({(m, a): infilling.score(m, a) for m, a in product(metrics, REFERENCES)})
        converged.append(infilling.converged())
    shape = (len(ratios), len(seeds))
    images_and_masks = f"{counted(len(shown.pixels), 'image')} x {counted(len(seeds), 'mask')}"
    return MaskStudy(
        title=f"{title}, {images_and_masks}",
        ratios=ratios,
        seeds=seeds,
        state_names=tuple(lens.vit.state_names),
        values={
            k: np.stack([c[k] for c in cells]).reshape(*shape, *cells[0][k].shape) for k in cells[0]
        },
        converged=np.stack(converged).reshape(*shape, -1),
    )


def _listed(given: Any) -> tuple[Any, ...]:
    """One or several, as several."""
    alone = isinstance(given, str) or not hasattr(given, "__iter__")
    return (given,) if alone else tuple(given)


def _check_lens(lens: Any) -> None:
    if not isinstance(lens, InfillLens):
        raise UsageError(
            f"A mask study is of a lens that paints, such as vl.InfillLens(mae), not {said(lens)}."
        )
