"""How well each feature tells each class from all others: the area under its ROC curve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from vitlens_widgets.analysis.activations.auc import Auc, areas, areas_and_intervals
from vitlens_widgets.analysis.activations.groups import Groups
from vitlens_widgets.analysis.activations.patch_selectivity import (
    areas_of_patches,
    best_of_patches_by_luck,
    sample_of,
)
from vitlens_widgets.data.frames import frame

if TYPE_CHECKING:
    from pandas import DataFrame

Over = Literal["images", "patches"]
"""What has a score: an image its largest activation, or a patch its own."""

_LUCKY_FEATURES, _DRAWS, _LUCK = 400, 10, 0.99


@dataclass(frozen=True, eq=False, repr=False)
class Selectivity:
    """How well features tell classes, by the largest activation in an image or by each patch.

    Attributes:
        title: Of what.
        layers: The blocks.
        labels: The classes that were counted apart, by name.
        n_images: How many images each class has, int64 `[class]`.
        auc: For a feature and a class, the share of pairs of an image of the class and one of
            another class in which the first has the larger activation, or of a patch on the class's
            thing and any other patch; ties count half. Float32 `[layer, feature, class]`, NaN of a
            class without images. Activations in one bin of `Activations.edges` tie.
        low: The lower end of its 95 % interval over images.
        high: The upper end.
        null: What the best class of a feature has by luck: with the classes of whole images
            shuffled, 99 of 100 features stay at or below it. NaN with fewer than two classes.
    """

    title: str
    layers: tuple[int, ...]
    labels: tuple[str, ...]
    n_images: np.ndarray
    auc: np.ndarray = field()
    low: np.ndarray
    high: np.ndarray
    null: float

    @cached_property
    def best(self) -> np.ndarray:
        """The class that each feature tells best, int64 `[layer, feature]`."""
        return np.nan_to_num(self.auc, nan=-1).argmax(-1)

    def table(self) -> DataFrame:
        """A row per feature: its best class with area and interval, and the next best.

        Of classes without images there is nothing to say: None, and NaN.
        """
        flat = self.auc.reshape(-1, len(self.labels))
        order = np.argsort(-np.nan_to_num(flat, nan=-1), 1, kind="stable")
        rows = np.arange(len(flat))
        layers, features = np.divmod(rows, self.auc.shape[1])
        columns: dict[str, list[object]] = {
            "layer": [self.layers[int(layer)] for layer in layers],
            "feature": features.tolist(),
            "class": self._names(flat, order[:, 0]),
            "AUC": flat[rows, order[:, 0]].tolist(),
            "low": self.low.reshape(flat.shape)[rows, order[:, 0]].tolist(),
            "high": self.high.reshape(flat.shape)[rows, order[:, 0]].tolist(),
        }
        if len(self.labels) > 1:
            columns["next class"] = self._names(flat, order[:, 1])
            columns["its AUC"] = flat[rows, order[:, 1]].tolist()
        return frame(columns, f"{self.title}; by luck up to {self.null:.3f}")

    def _names(self, flat: np.ndarray, chosen: np.ndarray) -> list[object]:
        """The names of chosen classes, `[feature]`; None where they have no area."""
        known = ~np.isnan(flat[np.arange(len(flat)), chosen])
        return [
            self.labels[int(one)] if there else None
            for one, there in zip(chosen, known, strict=True)
        ]

    def __repr__(self) -> str:
        return f"Selectivity({self.title})"


def selectivity_of(
    kept: Mapping[str, np.ndarray], groups: Groups, over: Over, seed: int
) -> tuple[Auc, np.ndarray, float]:
    """Out of what was kept: areas, each `[feature, class]`; images of each class; and luck.

    Args:
        kept: The tallies of a run.
        groups: What was counted apart.
        over: What has a score.
        seed: Of the shuffled classes.
    """
    n_classes = len(groups.classes)
    peaks = kept["peaks"][: groups.others + 1]  # of images whose class is known
    n_images = peaks[:, 0].sum(-1, dtype=np.int64)
    if over == "patches":
        sample = sample_of(kept, groups)
        found = areas_of_patches(kept["counts"], sample, groups)
        return found, n_images[:n_classes], best_of_patches_by_luck(sample, groups, seed)
    every = peaks.sum(0, dtype=np.int64)
    of_classes = [areas_and_intervals(of, every - of) for of in peaks[:n_classes]]
    found = Auc(*(np.stack(part, -1) for part in zip(*of_classes, strict=True)))
    return found, n_images[:n_classes], best_by_luck(every, n_images, n_classes, seed)


def best_by_luck(every: np.ndarray, n_images: np.ndarray, n_classes: int, seed: int) -> float:
    """What the best class of a feature has where classes are dealt out among whole images.

    Of features drawn by lot, where there are many: the 99th percentile over them and over deals.

    Args:
        every: How many images have their largest activation in each bin, `[feature, bin]`.
        n_images: How many images each class has, the others last.
        n_classes: How many classes there are without the others.
        seed: Of the lots.
    """
    if (n_images > 0).sum() < 2 or not n_images[:n_classes].any():
        return float("nan")
    rng = np.random.default_rng(seed)
    few = rng.permutation(len(every))[:_LUCKY_FEATURES]
    best = [_dealt(every[feature], n_images, n_classes, rng) for feature in few]
    return float(np.quantile(np.concatenate(best), _LUCK))


def _dealt(
    counts: np.ndarray, n_images: np.ndarray, n_classes: int, rng: np.random.Generator
) -> np.ndarray:
    """The best area over classes in each deal, `[deal]`."""
    left = np.tile(counts[counts > 0].astype(np.int64), (_DRAWS, 1))
    every, best = left[0].copy(), np.zeros(_DRAWS)
    for n in n_images[:n_classes][n_images[:n_classes] > 0]:
        drawn = np.stack([rng.multivariate_hypergeometric(one, int(n)) for one in left])
        left -= drawn
        best = np.fmax(best, areas(drawn, every - drawn))
    return best
