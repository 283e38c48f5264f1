"""Class identifiability: where the true class stands when a token is read as the readout is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from vitlens_widgets.analysis.boxes import Boxes, boxes_of_ranks
from vitlens_widgets.analysis.class_space import published
from vitlens_widgets.analysis.class_space.baseline import check_alike
from vitlens_widgets.analysis.class_space.evolution import (
    MEANINGS,
    Ranks,
    added,
    counted_ranks,
    evolution,
    ranks,
)
from vitlens_widgets.analysis.class_space.groups import grouped
from vitlens_widgets.analysis.class_space.rules import Rule, check_rule
from vitlens_widgets.analysis.class_space.signed_rank import counted_differences, signed_rank_p
from vitlens_widgets.analysis.over_images import OverImages
from vitlens_widgets.analysis.stream import Batch, Run, run
from vitlens_widgets.data import Dataset, LabelSet
from vitlens_widgets.data.frames import frame
from vitlens_widgets.errors import UsageError, did_you_mean
from vitlens_widgets.models.fingerprint import fingerprint
from vitlens_widgets.trace import ViT
from vitlens_widgets.trace.sites import check_index
from vitlens_widgets.trace.vit import check_vit

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812
    from pandas import DataFrame

_OF_BASELINE = "baseline "
_RATES = ("rate", "images", "readout rate")


@dataclass(frozen=True, eq=False)
class Identifiability:
    """What `identifiability` found.

    Attributes:
        title: The model, the number of images and where they are from.
        labels: The class names.
        state_names: `["0_pre", ..., "final"]`.
        n_images: Of how many images.
        values: Each of `MEANINGS`, over images, `[state]`: mean, deviation, 95 % interval.
        counts: How many image tokens, and readouts, have the true class at each rank, int64
            `[state, rank]`, ranks counted from 0.
        baseline: `values` of the model it is compared with; None without one.
        p: One-sided p of Wilcoxon's signed-rank test that scores are above the baseline's, float64
            `[state]`, for "all tokens" and for "image tokens"; empty without a baseline.
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
        return {"score": score, "readout score": score, "rate": rate, "readout rate": rate}

    @property
    def published(self) -> dict[str, np.ndarray]:
        """The paper's curves for this model, `[state]`, by the names of `values`.

        NaN where it has none: before the first block, and rates but for the last. Source:
        `class_space.published`.
        """
        curves = {"score": published.TOKEN_SCORES, "readout score": published.READOUT_SCORES}
        known = {
            n: [np.nan, *curve[self.paper]] for n, curve in curves.items() if self.paper in curve
        }
        before = [np.nan] * (len(self.state_names) - 1)
        rates = zip(_RATES, published.RATES.get(self.paper, ()), strict=False)
        known |= {name: [*before, rate] for name, rate in rates}
        return {name: np.array(curve) for name, curve in known.items()}

    @property
    def boxes(self) -> dict[str, Boxes]:
        """The scores of all image tokens, and of readouts, `[state]`, for `vl.charts.boxes`."""
        return {name: boxes_of_ranks(counts) for name, counts in self.counts.items()}

    def mean(self, name: str) -> OverImages:
        """One of `MEANINGS` over images, `[state]`.

        Raises:
            UsageError: There is no such measure.
        """
        if name not in self.values:
            near = did_you_mean(name, self.values)
            raise UsageError(f'"{name}" was not measured; there is {", ".join(self.values)}.{near}')
        return self.values[name]

    def normalised(self, name: str = "score", blocks: int = 12) -> np.ndarray:
        """Means over as many runs of consecutive blocks, float64 `[blocks]`, without state 0.

        By this models of different depth share an axis: of 24 blocks, 12 pairs.

        Raises:
            UsageError: There is no such measure, or the depth is no multiple of `blocks`.
        """
        return grouped(self.mean(name).mean[1:], blocks)

    def summary(self) -> DataFrame:
        """The rates at the final state, and what the paper has for them."""
        columns: dict[str, list] = {
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
        columns: dict[str, list] = {"state": self.state_names}
        for name, one in self.values.items():
            columns[name] = one.mean.tolist()
            columns[f"± ({name})"] = one.half.tolist()
            if self.baseline is not None:
                columns[f"{name}, baseline"] = self.baseline[name].mean.tolist()
            if name in self.published:
                columns[f"{name}, {published.SOURCE}"] = published.listed(self.published[name])
        for which, p in self.p.items():
            columns[f"p, {which}"] = p.tolist()
        return frame(columns, self.title)

    def classes(self, state: int = -1) -> DataFrame:
        """A row per class that was shown: how many images, score and rate of image tokens.

        Raises:
            UsageError: There is no such state; -1 is the final one.
        """
        count = len(self.state_names)
        state = check_index("state", count - 1 if state == -1 else state, count)
        shown = np.flatnonzero(self.class_images)
        columns: dict[str, list] = {
            "class": [self.labels[i] for i in shown],
            "images": self.class_images[shown].tolist(),
        }
        for name, values in self.class_values.items():
            columns[name] = values[shown, state].tolist()
        return frame(columns, f"{self.title}, {self.state_names[state]}")

    def figure(self, name: str = "score") -> Figure:
        """See `vl.charts.identifiability`."""
        from vitlens_widgets import charts  # which knows this module

        return charts.identifiability(self, name)


def identifiability(
    vit: ViT,
    data: Dataset,
    *,
    baseline: ViT | None = None,
    rule: Rule = "released",
    n_images: int | None = None,
    at_once: int = 16,
    save_to: str | os.PathLike[str] | None = None,
) -> Identifiability:
    """How well each token's state names the true class of its image, state by state.

    A token is read as if it were the readout (final norm with its own statistics, classifier with
    its bias). With the rank of the true class counted from 0, its *score* is
    `1 - rank / number of classes`: 1 is the first place, about 0.5 is chance. The *rate* is the
    share of image tokens in the first place, a mean over images. Equal logits share the best place.

    Args:
        vit: The model.
        data: Images with their classes: `vl.world.Scenes()`, `vl.data.ImageNetS(folder)` ...
        baseline: A model to be compared with, which sees the same pixels, such as
            `vl.untrained(vit)`; it doubles the time.
        rule: The authors' code counts rates over all tokens but the first, CLS, and so leaves out
            the first *patch* of a model that has no prefix token ("released"); "text" counts every
            image token. For models with a prefix token both are the same.
        n_images: How many images; None for all there are.
        at_once: How many images the model runs together.
        save_to: A file to save to after every batch, and to go on from; see
            `vitlens_widgets.analysis.stream.run`.

    Raises:
        UsageError: A data set or file that does not fit (see `run`), or a baseline of another
            shape.

    Source:
        Vilas et al. (2023), section 4, and their code. Its test against random weights takes all
        tokens, CLS too, and corrects nothing for their number; so does "all tokens" here. Tokens
        of one image are not independent, so its p is smaller than it should be.

    Example:
        >>> found = vl.analysis.identifiability(vit, vl.world.Scenes(), n_images=200)
        >>> found.summary()
    """
    check_vit(vit, "identifiability")
    experiment = _Experiment(vit, baseline, rule)
    words = {"n_images": n_images, "at_once": at_once, "save_to": save_to}
    return experiment.result(run(experiment, vit, data, **words))


class _Experiment:
    """See `vitlens_widgets.analysis.stream.Experiment`."""

    name = "identifiability"
    usual: ClassVar = {"rule": "released"}
    needs_masks = False

    def __init__(self, vit: ViT, baseline: ViT | None, rule: Rule) -> None:
        self._vit, self._baseline = vit, baseline
        self._n_classes = len(vit.labels)
        self.settings = {"rule": check_rule(rule), "baseline": None}
        self._patches = self._counted = vit.layout.patches
        if rule == "released" and not vit.layout.n_prefix:
            self._counted = slice(1, vit.layout.n_tokens)
        if baseline is not None:
            check_alike(vit, baseline)
            self.settings["baseline"] = fingerprint(baseline)

    def measure(self, batch: Batch) -> dict[str, np.ndarray]:
        """What a batch adds to the measures, the classes' sums, and the differences' counts."""
        ours = ranks(self._vit, batch)
        found = self._added(ours) | self._by_class(ours, batch.classes.numpy())
        if self._baseline is not None:
            theirs = ranks(self._baseline, batch)
            found |= {_OF_BASELINE + name: one for name, one in self._added(theirs).items()}
            found["above all tokens"] = self._above(ours.tokens, theirs.tokens)
            pair = (one.tokens[..., self._patches] for one in (ours, theirs))
            found["above image tokens"] = self._above(*pair)
        return found

    def result(self, done: Run) -> Identifiability:
        """What it all says."""
        sums, baseline = done.tallies, None
        if self._baseline is not None:
            baseline = evolution({name: sums[_OF_BASELINE + name] for name in MEANINGS})
        above = {name[6:]: counts for name, counts in sums.items() if name.startswith("above ")}
        with np.errstate(invalid="ignore"):
            classes = {n: sums[f"class {n}"] / sums["class images"] for n in ("score", "rate")}
        return Identifiability(
            title=done.title,
            labels=self._vit.labels,
            state_names=self._vit.state_names,
            n_images=done.n_images,
            values=evolution(sums),
            counts=counted_ranks(sums),
            baseline=baseline,
            p={
                name: np.array([signed_rank_p(one) for one in all_]) for name, all_ in above.items()
            },
            class_images=sums["class images"][:, 0],
            class_values=classes,
            paper=self._vit.paper,
        )

    def _added(self, found: Ranks) -> dict[str, np.ndarray]:
        return added(found, self._n_classes, self._patches, self._counted)

    def _above(self, ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
        """Counts of how many places higher ours are, `[state, difference]`."""
        pairs = zip(theirs.swapaxes(0, 1), ours.swapaxes(0, 1), strict=True)
        return np.stack([counted_differences(a, b, self._n_classes - 1) for a, b in pairs])

    def _by_class(self, found: Ranks, classes: np.ndarray) -> dict[str, np.ndarray]:
        """Sums over each class's images, `[class, state]`, and their number, `[class, 1]`."""
        sums = {
            "images": np.ones((len(classes), 1), np.int64),
            "score": 1 - found.tokens[..., self._patches].mean(-1) / self._n_classes,
            "rate": (found.tokens[..., self._counted] == 0).mean(-1),
        }
        out = {}
        for name, values in sums.items():
            into = np.zeros((self._n_classes, values.shape[1]), values.dtype)
            np.add.at(into, classes, values)
            out[f"class {name}"] = into
        return out
