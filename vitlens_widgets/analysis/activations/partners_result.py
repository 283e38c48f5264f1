"""What `partners` found: correlations of a few features with all others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

import vitlens_widgets.charts as charts
from vitlens_widgets.analysis.activations.nearest import FeatureNames, Where, largest, nearest
from vitlens_widgets.analysis.over_images import half_width
from vitlens_widgets.analysis.result import Result
from vitlens_widgets.data.frames import frame
from vitlens_widgets.trace.sites import check_index

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812
    from pandas import DataFrame


@dataclass(frozen=True, eq=False)
class Partners(Result):
    """What `partners` found.

    Attributes:
        title: Which features, the model, the images.
        layer: The block of the features that were asked about.
        asked: Their numbers.
        layers: The blocks of those they are compared with.
        correlation: Pearson's over patches, float64 `[asked, layer, feature]`; NaN of what never
            changes.
        low: The lower end of its 95 % interval over images; NaN with fewer than two groups of them.
        high: The upper end.
        null: The correlation with the maps of the image before, likewise.
    """

    title: str
    layer: int
    asked: tuple[int, ...]
    layers: tuple[int, ...]
    correlation: np.ndarray = field(repr=False)
    low: np.ndarray = field(repr=False)
    high: np.ndarray = field(repr=False)
    null: np.ndarray = field(repr=False)

    @classmethod
    def of(
        cls,
        title: str,
        layer: int,
        asked: tuple[int, ...],
        layers: tuple[int, ...],
        sums: Mapping[str, np.ndarray],
    ) -> Partners:
        """Out of the sums of groups of images; see `_correlation`."""
        own = {name: sums[name] for name in _SUMS}
        all_together = _correlation({name: one.sum(0) for name, one in own.items()})
        low, high = _jackknife(own, all_together)
        null = _correlation({name: sums[f"null {name}"] for name in _SUMS})
        shape = len(asked), len(layers), -1
        four = (one.reshape(shape) for one in (all_together, low, high, null))
        return cls(title, layer, asked, layers, *four)

    def top(self, k: int = 6, where: Where = "any", asked: int = 0) -> FeatureNames:
        """The features that correlate most with one, itself left out.

        Args:
            k: How many.
            where: In which blocks.
            asked: Which of those asked about, counted from 0.

        Raises:
            UsageError: Another number or place.
        """
        at = check_index("place", asked, len(self.asked))
        return nearest(self.correlation[at], self.layers, (self.layer, self.asked[at]), k, where)

    def table(self, k: int = 6) -> DataFrame:
        """A row per partner: the k first of earlier blocks, of its own, and of later ones.

        Args:
            k: How many of each.

        Returns:
            Also the pair's `null`, and the `largest null` of any feature there, which is chosen as
            the first partner is.

        Raises:
            UsageError: No number.
        """
        names = ("of", "where", "layer", "feature", "correlation", "low", "high")
        names = (*names, "null", "largest null")
        rows = [
            row
            for at in range(len(self.asked))
            for where in ("earlier", "same", "later")
            for row in self._rows(k, where, at)
        ]
        columns = {name: [row[i] for row in rows] for i, name in enumerate(names)}
        return frame(columns, self.title)

    def _rows(self, k: int, where: Where, at: int) -> list[tuple[object, ...]]:
        parts = self.correlation, self.low, self.high, self.null
        lucky = nearest(self.null[at], self.layers, (self.layer, self.asked[at]), 1, where).value
        return [
            (
                self.asked[at],
                where,
                int(layer),
                int(feature),
                *(float(one[at, self.layers.index(int(layer)), feature]) for one in parts),
                float(lucky[0]) if len(lucky) else np.nan,
            )
            for layer, feature, _ in zip(*self.top(k, where, at), strict=True)
        ]

    def figure(self) -> Figure:
        """The largest correlation in each block, of each feature asked about, and its null's."""
        title = self.titled("largest correlation over patches")
        plot = charts.figure_over_blocks(title, self.layers, "correlation")
        curves = {
            f"{name}{asked}": largest(one[at], self.layers, (self.layer, asked)).tolist()
            for at, asked in enumerate(self.asked)
            for name, one in (("", self.correlation), ("null of ", self.null))
        }
        return charts.with_curves(plot, "block", [str(one) for one in self.layers], curves)

    def summary(self) -> str:
        """The first partner upstream, in the same block and downstream, with half its interval.

        Beside it stands the largest null of any feature there: that is chosen, too.
        """
        table = self.table(k=1)
        lines = [
            f"{row['of']}, {row['where']}: {row['feature']} of block {row['layer']}, correlation "
            f"{row['correlation']:.2f} ± {(row['high'] - row['low']) / 2:.2f} (null "
            f"{row['null']:.2f}, of all there {row['largest null']:.2f} at most)"
            for _, row in table.iterrows()
        ]
        return "\n".join([self.title, *(lines or ["no feature that changes"])])


_SUMS = ("n", "asked", "asked squared", "sum", "squared", "products")


def _correlation(sums: Mapping[str, np.ndarray]) -> np.ndarray:
    """Pearson's, out of sums over patches.

    Args:
        sums: n, those of the asked features and of their squares `[..., asked]`, of all features
            and of their squares `[..., feature]`, and of products `[..., asked, feature]`.

    Returns:
        Float64 `[..., asked, feature]`; NaN where a feature never changes.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        n = sums["n"][..., None]
        own, every = sums["asked"] / n, sums["sum"] / n
        own_spread = sums["asked squared"] / n - own**2
        spread = sums["squared"] / n - every**2
        together = sums["products"] / n[..., None] - own[..., None] * every[..., None, :]
        found = together / np.sqrt(own_spread[..., None] * spread[..., None, :])
        still = _still(own_spread, sums["asked squared"] / n)[..., None]
        still = still | _still(spread, sums["squared"] / n)[..., None, :]
    return np.where(still, np.nan, found.clip(-1, 1))


def _still(spread: np.ndarray, square: np.ndarray) -> np.ndarray:
    """Where nothing changes, but for rounding of single-precision activations."""
    return ~(spread > 1e-10 * square)


def _jackknife(sums: Mapping[str, np.ndarray], whole: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The ends of 95 % intervals, on Fisher's scale, over groups of images left out in turn."""
    there = sums["n"] > 0
    n_groups = int(there.sum())
    if n_groups < 2:
        return np.full_like(whole, np.nan), np.full_like(whole, np.nan)
    totals = {name: one.sum(0) for name, one in sums.items()}
    left: list[np.ndarray] = []
    for group in np.flatnonzero(there):
        without = {name: totals[name] - one[group] for name, one in sums.items()}
        left.append(_scale(_correlation(without)))
    scaled = np.stack(left)
    squares = ((scaled - scaled.mean(0)) ** 2).sum(0)
    # the deviation of single pseudo-values, so that half_width divides by the root of their number
    half = half_width(np.sqrt(squares * (n_groups - 1)), np.array(n_groups))
    middle = _scale(whole)
    return np.tanh(middle - half), np.tanh(middle + half)


def _scale(correlation: np.ndarray) -> np.ndarray:
    """Fisher's, finite for a correlation of 1."""
    most = 1 - 1e-12
    return np.arctanh(correlation.clip(-most, most))
