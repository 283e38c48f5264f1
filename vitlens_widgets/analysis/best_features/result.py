"""What `best_features` gives: F1 of the best feature for each truth, with interval and null."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from vitlens_widgets import charts
from vitlens_widgets.analysis.best_features import scores
from vitlens_widgets.analysis.over_images import OverImages
from vitlens_widgets.analysis.result import Result, check_name, mean_and_half
from vitlens_widgets.data.frames import frame
from vitlens_widgets.progress import progress

if TYPE_CHECKING:
    from bokeh.models import LayoutDOM
    from pandas import DataFrame

FEATURES = ("latents", "neurons", "channels")
"""Kinds of features, in the order in which they are told of."""

_FEW = 5
"""Images that must show a truth in each half, or it is left out."""


@dataclass(frozen=True, eq=False)
class Detectors:
    """The best features of one kind, for each truth `[truth]`; NaN where too few images show it.

    Attributes:
        feature: Which; -1 for none. Of channels, the second half are the first ones turned down.
        f1: Judged on the images that it was not chosen on, with the interval of the bootstrap.
        null: What luck gives, `[shuffle, truth]`.
        samples: F1 in each sample of the bootstrap, `[sample, truth]`; the same samples for all
            kinds of features.
    """

    feature: np.ndarray
    f1: OverImages
    null: np.ndarray
    samples: np.ndarray


@dataclass(frozen=True, eq=False)
class BestFeatures(Result):
    """Which single feature tells best what is true of a patch; see `best_features`.

    Attributes:
        title: What it is of.
        n_images: How many images, of which half are judged on.
        names: Kind and name of each truth.
        n_shuffles: How many times labels were given to other images.
        tallies: Bins of activations and truths, `[image, patch, ...]`.
    """

    title: str
    n_images: int
    names: tuple[tuple[str, str], ...]
    n_shuffles: int
    tallies: Mapping[str, np.ndarray] = field(repr=False)

    @property
    def features(self) -> tuple[str, ...]:
        """The kinds of features: latents, neurons, channels."""
        return tuple(name for name in FEATURES if name in self.tallies)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of truths."""
        return tuple(dict.fromkeys(kind for kind, _ in self.names))

    @cached_property
    def seen(self) -> np.ndarray:
        """Which truths enough images of each half show, bool `[truth]`."""
        shown: np.ndarray = self.tallies["truths"].max(axis=1)
        enough: np.ndarray = np.minimum(shown[::2].sum(0), shown[1::2].sum(0)) >= _FEW
        return enough

    @cached_property
    def found(self) -> Mapping[str, Detectors]:
        """The best features by their kind."""
        return {name: self._detectors(name) for name in progress(self.features, "best features")}

    def _detectors(self, name: str) -> Detectors:
        if not self.seen.any():
            return _nothing(len(self.names), self.n_shuffles)
        bins, truths = self.tallies[name], self.tallies["truths"][..., self.seen]
        by, counted = _judged(bins, truths)
        samples = scores.over_samples(counted, scores.drawn_again(len(counted)))
        lots = np.random.default_rng(0)
        shuffled = progress(range(self.n_shuffles), f"null of {name}")
        null = [_by_luck(bins, truths, lots) for _ in shuffled]
        f1 = scores.f1_of(counted.sum(0))
        low, high = np.nanpercentile(samples, (2.5, 97.5), axis=0)
        half = np.maximum(high - f1, f1 - low)
        spread = np.nanstd(samples, axis=0, ddof=1)
        n = np.full(f1.shape, len(counted))
        mean, spread, half = (self._whole(one) for one in (f1, spread, half))
        over = OverImages(mean, spread, half, self._whole(n, 0).astype(int))
        feature = self._whole(by.feature, -1).astype(int)
        return Detectors(feature, over, self._whole(np.stack(null)), self._whole(samples))

    def _whole(self, values: np.ndarray, missing: float = np.nan) -> np.ndarray:
        """Values of those truths that are seen, `[..., truth]`, in the places of all."""
        full = np.full((*values.shape[:-1], len(self.names)), missing, float)
        full[..., self.seen] = values
        return full

    def mean_f1(self, features: str, kind: str) -> OverImages:
        """The mean over the truths of a kind, with the bootstrap's interval.

        Args:
            features: `"latents"`, `"neurons"` or `"channels"`.
            kind: Of truth.

        Raises:
            UsageError: One that was not measured.
        """
        samples = self._samples(features, kind)
        return self._over(self._mean(features, kind), samples)

    def gain(self, kind: str, features: str = "latents", over: str = "neurons") -> OverImages:
        """By how much the mean F1 of one kind of features is above another's, on the same images.

        Args:
            kind: Of truth.
            features: Whose.
            over: Which others'.

        Raises:
            UsageError: One that was not measured.
        """
        samples = self._samples(features, kind) - self._samples(over, kind)
        return self._over(self._mean(features, kind) - self._mean(over, kind), samples)

    def table(self) -> DataFrame:
        """A row per truth and kind of features: the feature, its F1 with interval, and the null's.

        `p` is the share of shuffles, the real labels among them, that did as well. What fewer than
        five images of either half show has no numbers.
        """
        rows: list[dict[str, object]] = []
        for features, of in self.found.items():
            for place, (kind, name) in enumerate(self.names):
                null, f1 = of.null[:, place], of.f1.mean[place]
                rows.append(
                    {
                        "kind": kind,
                        "truth": name,
                        "features": features,
                        "feature": int(of.feature[place]),
                        "F1": f1,
                        "F1, half of 95 %": of.f1.half[place],
                        "null F1": null.mean(),
                        "largest null F1": null.max(),
                        "p": _p(f1, null),
                    }
                )
        return frame({name: [row[name] for row in rows] for name in rows[0]}, self.title)

    def figure(self, kind: str | None = None) -> LayoutDOM:
        """F1 of the best features beside what luck gives.

        Args:
            kind: Of truth, one line for each of them and each kind of features; None for the means
                of every kind.

        Raises:
            UsageError: A kind of truth that was not measured.
        """
        lines, found, luck = self._means() if kind is None else self._each(kind)
        what = "best feature for each truth" if kind is None else f"best feature for each {kind}"
        return charts.intervals(self.titled(what), "F1 on patches", lines, found, luck)

    def summary(self) -> str:
        """The mean F1 of each kind of truth, its null, and how far latents are above the others."""
        lines = [self.title]
        for kind in self.kinds:
            said = [
                f"{name} {mean_and_half(self.mean_f1(name, kind))}"
                f" (luck {self._luck(name, kind).mean():.3f})"
                for name in self.features
            ]
            lines.append(f"{kind}: F1 of {', '.join(said)}")
            if "latents" in self.features:
                gains = [
                    f"{other} by {mean_and_half(self.gain(kind, over=other))}"
                    for other in self.features[1:]
                ]
                lines.append(f"  latents are above {', '.join(gains)}")
        return "\n".join(lines)

    def _of(self, kind: str) -> np.ndarray:
        check_name(kind, self.kinds)
        return np.array([one == kind for one, _ in self.names])

    def _luck(self, features: str, kind: str) -> np.ndarray:
        """The mean F1 of each shuffle."""
        return _mean_of(self.found[features].null[:, self._of(kind)])

    def _mean(self, features: str, kind: str) -> float:
        return float(_mean_of(self.found[features].f1.mean[self._of(kind)]))

    def _samples(self, features: str, kind: str) -> np.ndarray:
        check_name(features, self.features)
        return _mean_of(self.found[features].samples[:, self._of(kind)])

    def _over(self, mean: float, samples: np.ndarray) -> OverImages:
        low, high = np.percentile(samples, (2.5, 97.5))
        judged_on = self.n_images // 2
        parts = (mean, samples.std(ddof=1), max(high - mean, mean - low), judged_on)
        return OverImages(*(np.array(one) for one in parts))

    def _means(self) -> tuple[list[str], OverImages, tuple[list[float], list[float]]]:
        pairs = [(kind, name) for kind in self.kinds for name in self.features]
        means = [self.mean_f1(name, kind) for kind, name in pairs]
        luck = [self._luck(name, kind) for kind, name in pairs]
        columns = zip(*((one.mean, one.deviation, one.half, one.n) for one in means), strict=True)
        return _lines(pairs), OverImages(*map(np.array, columns)), _reach(luck)

    def _each(self, kind: str) -> tuple[list[str], OverImages, tuple[list[float], list[float]]]:
        own = self._of(kind)
        places = np.flatnonzero(own & self.seen if (own & self.seen).any() else own).tolist()
        pairs = [(self.names[place][1], name) for place in places for name in self.features]
        at = [(self.found[name], place) for place in places for name in self.features]
        columns = zip(
            *((of.f1.mean[i], of.f1.deviation[i], of.f1.half[i], of.f1.n[i]) for of, i in at),
            strict=True,
        )
        return (
            _lines(pairs),
            OverImages(*map(np.array, columns)),
            _reach([of.null[:, i] for of, i in at]),
        )


def _nothing(n_truths: int, n_shuffles: int) -> Detectors:
    """Where too few images show anything."""
    empty = np.full(n_truths, np.nan)
    over = OverImages(empty, empty, empty, np.zeros(n_truths, int))
    null = np.full((n_shuffles, n_truths), np.nan)
    return Detectors(np.full(n_truths, -1), over, null, null[:1])


def _p(f1: float, null: np.ndarray) -> float:
    """The share of shuffles, the real labels among them, that did as well."""
    return float("nan") if np.isnan(f1) else float((1 + (null >= f1).sum()) / (1 + len(null)))


def _mean_of(values: np.ndarray) -> np.ndarray:
    """Over the last axis, of those that have a value; NaN where none has."""
    there = ~np.isnan(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(there, values, 0).sum(-1) / there.sum(-1)


def _lines(pairs: list[tuple[str, str]]) -> list[str]:
    return [f"{truth}: {features}" for truth, features in pairs]


def _reach(luck: list[np.ndarray]) -> tuple[list[float], list[float]]:
    """From where to where luck reaches."""
    ends = np.array([np.percentile(one, (2.5, 97.5)) for one in luck])
    return ends[:, 0].tolist(), ends[:, 1].tolist()


def _judged(bins: np.ndarray, truths: np.ndarray) -> tuple[scores.ChosenFeatures, np.ndarray]:
    """Chosen on the even images, judged on the odd ones: counts `[image, truth, 3]`."""
    by = scores.chosen(_flat(bins[::2]), _flat(truths[::2]))
    return by, scores.counts(bins[1::2], truths[1::2], by)


def _by_luck(bins: np.ndarray, truths: np.ndarray, lots: np.random.Generator) -> np.ndarray:
    """F1 with all labels of an image given to another one of the same half."""
    other = np.empty_like(truths)
    for half in (slice(0, None, 2), slice(1, None, 2)):
        other[half] = truths[half][lots.permutation(len(truths[half]))]
    return scores.f1_of(_judged(bins, other)[1].sum(0))


def _flat(values: np.ndarray) -> np.ndarray:
    return values.reshape(-1, values.shape[-1])
