"""How the painting depends on how much is hidden: scores over a grid of mask ratios and seeds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from vitlens_widgets.data import frame
from vitlens_widgets.errors import UsageError
from vitlens_widgets.lenses.infill.infilling import Painter
from vitlens_widgets.lenses.infill.masks import check_share
from vitlens_widgets.lenses.infill.scores import REFERENCES, check_metric
from vitlens_widgets.progress import progress

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True, eq=False)
class MaskStudy:
    """Scores of every state over mask ratios and seeds, with confidence intervals.

    Attributes:
        title: The lens and the model.
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
        from scipy.stats import t  # a second to import, and only this needs it

        level = check_share("level", level)
        values = self._of(metric, reference)
        alike = values.mean(axis=1) if values.shape[3] > 1 else values[..., 0].swapaxes(1, 2)
        n = alike.shape[2]  # [ratio, state, image or seed]
        if n < 2:
            return np.full(alike.shape[:2], np.nan), np.full(alike.shape[:2], np.nan)
        with np.errstate(invalid="ignore"):
            error = alike.std(axis=2, ddof=1) / np.sqrt(n) * t.ppf((1 + level) / 2, n - 1)
        return alike.mean(axis=2) - error, alike.mean(axis=2) + error

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
            low, high = self.interval(metric, reference)
            with np.errstate(invalid="ignore"):
                half = (high - low) / 2
            columns[metric] = self.mean(metric, reference).ravel().tolist()
            columns[f"{metric} ±"] = half.ravel().tolist()
        n_images = self.converged.shape[2]
        size = f"{n_images} image{'s' if n_images != 1 else ''} x {len(self.seeds)} masks"
        return frame(columns, title=f"{self.title} against the {reference}, {size}, 95 % intervals")

    def _of(self, metric: str, reference: str) -> np.ndarray:
        if (metric, reference) not in self.values:
            known = ", ".join(f"{m} against the {a}" for m, a in self.values)
            raise UsageError(
                f"{metric} against the {reference} was not measured; there is {known}."
            )
        return self.values[metric, reference]


def study(lens: Painter, images: Any, ratios: Any, seeds: Any, metrics: Any) -> MaskStudy:
    """See `InfillLens.study`."""
    ratios, seeds, metrics = _listed(ratios), _listed(seeds), _listed(metrics)
    if not (ratios and seeds and metrics):
        raise UsageError("A study needs at least one mask ratio, one seed and one metric.")
    ratios = tuple(check_share("mask_ratio", ratio) for ratio in ratios)
    for metric in metrics:
        check_metric(metric)
    shown = lens.shown(images)
    masks = [lens.mask(len(shown.pixels), ratio, seed) for ratio, seed in product(ratios, seeds)]
    cells, converged = [], []
    for mask in progress(masks, "mask study"):
        infilling = lens.paint(shown, mask)
        cells.append({(m, a): infilling.score(m, a) for m, a in product(metrics, REFERENCES)})
        converged.append(infilling.converged())
    shape = (len(ratios), len(seeds))
    return MaskStudy(
        title=f"{infilling.lens_name} of {infilling.model_name}",
        ratios=ratios,
        seeds=seeds,
        state_names=tuple(infilling.state_names),
        values={
            k: np.stack([c[k] for c in cells]).reshape(*shape, *cells[0][k].shape) for k in cells[0]
        },
        converged=np.stack(converged).reshape(*shape, -1),
    )


def _listed(given: Any) -> tuple[Any, ...]:
    """One or several, as several."""
    alone = isinstance(given, str) or not isinstance(given, Iterable)
    return (given,) if alone else tuple(given)
