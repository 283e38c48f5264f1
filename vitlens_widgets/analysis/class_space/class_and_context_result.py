"""What `class_and_context` found: scores and rates by the label of the token."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

import vitlens_widgets.charts as charts
from vitlens_widgets.analysis.boxes import Boxes, boxes_of_ranks, quantile, rising_scores
from vitlens_widgets.analysis.class_space import published
from vitlens_widgets.analysis.class_space.evolution import figure_of_boxes
from vitlens_widgets.analysis.class_space.rules import check_choice
from vitlens_widgets.analysis.over_images import OverImages
from vitlens_widgets.analysis.result import Result, check_name, mean_and_half
from vitlens_widgets.data.frames import frame
from vitlens_widgets.errors import UsageError

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812
    from pandas import DataFrame

LABELS = ("class", "context")
"""What a token is labelled as."""


@dataclass(frozen=True, eq=False)
class ClassAndContext(Result):
    """What `class_and_context` found.

    Attributes:
        title: The model, the number of images and where they are from.
        state_names: `["0_pre", ..., "final"]`.
        n_images: Of how many images.
        counts: How many image tokens have the true class at each rank, int64
            `[state, label, rank]`, class-labelled tokens first, from rank 1 on.
        scores: The mean identifiability score of the tokens of each label, `[state]`, all images'
            tokens together.
        p: One-sided p that class-labelled tokens have the larger mean score, by 300 shuffles of the
            labels, float64 `[state]`. Tokens of one image are not independent, so it is smaller
            than it should be.
        together: The rate of the tokens of each label at the final state, with all tokens there.
        alone: Their rate when the tokens of the other label have been removed; empty without.
        accuracy: The model's own when only the tokens of each label are left; empty without. An
            image that has none counts where the model reads CLS.
        paper: Which of the seven models of the paper this is; "" for any other.
    """

    title: str
    state_names: list[str]
    n_images: int
    counts: np.ndarray = field(repr=False)
    scores: Mapping[str, OverImages] = field(repr=False)
    p: np.ndarray = field(repr=False)
    together: Mapping[str, OverImages] = field(repr=False)
    alone: Mapping[str, OverImages] = field(repr=False)
    accuracy: Mapping[str, OverImages] = field(repr=False)
    paper: str = ""

    def quantile(self, label: str, q: float = 0.5) -> np.ndarray:
        """The score that a share `q` of the tokens of a label lies below, float64 `[state]`.

        The smallest score with at least that share at or below it; NaN where there are no tokens.

        Raises:
            UsageError: Another label, or a share outside [0, 1].
        """
        if not 0 <= q <= 1:
            raise UsageError(f"q must be a share from 0 to 1, not {q!r}.")
        counts = self.counts[:, LABELS.index(check_choice("label", label, LABELS)), ::-1]
        return quantile(counts, rising_scores(counts.shape[1]), q)

    @property
    def published(self) -> dict[str, np.ndarray]:
        """The paper's medians for this model, `[state]` by label; NaN where not read off."""
        known, blocks = published.LABEL_MEDIANS.get(self.paper, {}), len(self.state_names) - 1
        medians = ({block: both[i] for block, both in known.items()} for i in range(len(LABELS)))
        curves = [np.append(np.nan, published.placed(one, blocks)) for one in medians]
        return dict(zip(LABELS, curves, strict=True)) if known else {}

    @property
    def boxes(self) -> dict[str, Boxes]:
        """The scores of the tokens of each label, `[state]`, for `figure("boxes")`."""
        both = (boxes_of_ranks(self.counts[:, i]) for i in range(len(LABELS)))
        return dict(zip(LABELS, both, strict=True))

    def table(self) -> DataFrame:
        """A row per label, at the final state: rates with all tokens, and with its own alone."""
        known = published.REMOVED.get(self.paper)
        columns: dict[str, list[Any]] = {
            "tokens": list(LABELS),
            "how many": self.counts[-1].sum(axis=1).tolist(),
        }
        found = {"rate, all tokens there": self.together, "rate, alone": self.alone}
        found["accuracy, alone"] = self.accuracy
        for i, (name, values) in enumerate(found.items()):
            if values:
                columns[name] = [float(values[label].mean) for label in LABELS]
                columns[f"± ({name})"] = [float(values[label].half) for label in LABELS]
            if known and i < 2:
                columns[f"{name}, {published.SOURCE}"] = [known[label][i] for label in LABELS]
        return frame(columns, self.title)

    def evolution(self) -> DataFrame:
        """A row per state: means and quartiles of the scores of each label, their difference, p."""
        columns: dict[str, list[Any]] = {"state": self.state_names}
        for label in LABELS:
            columns[f"{label}, mean"] = self.scores[label].mean.tolist()
            columns[f"± ({label})"] = self.scores[label].half.tolist()
            for q, name in ((0.25, "lower quartile"), (0.5, "median"), (0.75, "upper quartile")):
                columns[f"{label}, {name}"] = self.quantile(label, q).tolist()
            if label in self.published:
                known = published.listed(self.published[label])
                columns[f"{label}, median, {published.SOURCE}"] = known
        means = [self.scores[label].mean for label in LABELS]
        columns |= {"difference": (means[0] - means[1]).tolist(), "p": self.p.tolist()}
        return frame(columns, self.title)

    def summary(self) -> str:
        """The rates of each label at the final state."""
        lines = [f"rate of {label}-labelled tokens: {self._rates(label)}" for label in LABELS]
        return "\n".join([self.title, *lines])

    def _rates(self, label: str) -> str:
        rate = f"{mean_and_half(self.together[label])} with all tokens there"
        return f"{rate}, {mean_and_half(self.alone[label])} alone" if self.alone else rate

    def figure(self, name: str = "quartiles") -> Figure:
        """Scores of class- and context-labelled tokens state by state.

        A star stands where class-labelled tokens have the larger mean (one-sided p < .05).

        Args:
            name: `"quartiles"`: medians between their quartiles, beside the paper's medians, or
                `"boxes"`: box plots.

        Raises:
            UsageError: Another name.
        """
        check_name(name, ("quartiles", "boxes"))
        n_classes = self.counts.shape[2]
        if name == "boxes":
            plot = figure_of_boxes(
                self.titled("identifiability scores as boxes"),
                self.state_names,
                self.boxes,
                n_classes,
            )
        else:
            plot = self._quartiles()
            charts.with_chance(plot, (n_classes + 1) / (2 * n_classes))
        charts.with_stars(plot, self.state_names, self.p, "class above context")
        return plot

    def _quartiles(self) -> Figure:
        quantity = "identifiability score of image tokens"
        plot = charts.figure_over_states(
            self.titled("identifiability of class and context by state"), self.state_names, quantity
        )
        curves = {f"{label}-labelled, median": self.quantile(label).tolist() for label in LABELS}
        for label, known in self.published.items():
            curves[f"{label}-labelled, {published.SOURCE}"] = known.tolist()
        bands = {
            f"{label}-labelled, median": (
                self.quantile(label, 0.25).tolist(),
                self.quantile(label, 0.75).tolist(),
            )
            for label in LABELS
        }
        return charts.with_curves(plot, "state", self.state_names, curves, bands)
