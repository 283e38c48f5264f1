"""What `key_value_agreement` found: rates block by block, and of right and wrong answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import vitlens_widgets.charts as charts
from vitlens_widgets.analysis.class_space import published
from vitlens_widgets.analysis.class_space.groups import grouped
from vitlens_widgets.analysis.class_space.rules import check_choice
from vitlens_widgets.analysis.over_images import OverImages
from vitlens_widgets.analysis.result import Result, check_name, mean_and_half
from vitlens_widgets.data.frames import frame

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812
    from pandas import DataFrame

MEASURES = {
    "agreement": "share of tokens whose strongest memories include one of the true class",
    "chance": "the same for a class drawn at random instead of the true one",
    "single": "share of tokens for which one of the strongest memories alone says first "
    "what the sub-block says first; of the others, its answer is a composition",
}
"""What is measured in every block, over all tokens of the sequence."""

LABELS = {"agreement": "agreement", "chance": "chance", "single": "single memory"}
"""What the measures are called in titles."""

_QUANTITIES = {
    "agreement": "key-value agreement rate",
    "chance": "agreement with a random class",
    "single": "share of single memories",
    "answers": "agreement rate at the first token",
}


class AgreementOfAnswers(NamedTuple):
    """Agreement at the first token, CLS where there is one, `[block]`."""

    right: np.ndarray
    """Share of the images that the model classifies right."""
    wrong: np.ndarray
    """Share of those that it does not."""
    p: np.ndarray
    """One-sided p of a difference as large or larger, over all ways to shuffle the images."""


@dataclass(frozen=True, eq=False)
class KeyValueAgreement(Result):
    """What `key_value_agreement` found; blocks are counted from 0, in the paper from 1.

    Attributes:
        title: The model, the number of images and where they are from.
        n_images: Of how many images.
        values: By (kind of memory, measure of `MEASURES`), `[block]`. "agreement" and "chance" are
            means over classes of the means over their images; their spread is that of classes.
            "single" is a mean over images.
        answers: By kind, `AgreementOfAnswers`.
        paper: Which of the seven models of the paper this is; "" for any other.
    """

    title: str
    n_images: int
    values: Mapping[tuple[str, str], OverImages] = field(repr=False)
    answers: Mapping[str, AgreementOfAnswers] = field(repr=False)
    paper: str = ""

    @property
    def kinds(self) -> list[str]:
        """The kinds of memories that the model has."""
        return list(self.answers)

    @property
    def n_blocks(self) -> int:
        """How many blocks the model has."""
        return len(next(iter(self.values.values())).mean)

    @property
    def published(self) -> dict[tuple[str, str], np.ndarray]:
        """The paper's rates for this model, `[block]`; NaN where they could not be read off."""
        return {
            (kind, name): published.placed(by_block, self.n_blocks)
            for name, known in published.KEY_VALUE.items()
            for kind, by_block in known.get(self.paper, {}).items()
        }

    def table(self, name: str = "agreement") -> DataFrame:
        """A row per block: one of `MEASURES` for each kind of memory, with half its interval.

        Args:
            name: One of `MEASURES`, or `"answers"`: agreement at the first token, of images
                classified right and wrong.

        Raises:
            UsageError: There is no such measure.
        """
        check_name(name, [*MEASURES, "answers"])
        columns: dict[str, list[Any]] = {"block": list(range(self.n_blocks))}
        if name == "answers":
            return frame(columns | self._answers(), self.title)
        for kind in self.kinds:
            columns[kind] = self.values[kind, name].mean.tolist()
            columns[f"± ({kind})"] = self.values[kind, name].half.tolist()
            if name == "agreement":
                columns[f"{kind}, random class"] = self.values[kind, "chance"].mean.tolist()
            if (kind, name) in self.published:
                known = published.listed(self.published[kind, name])
                columns[f"{kind}, {published.SOURCE}"] = known
        return frame(columns, f"{self.title}: {LABELS[name]}")

    def _answers(self) -> dict[str, list[Any]]:
        return {
            f"{kind}, {word}": published.listed(values)
            for kind, one in self.answers.items()
            for word, values in one._asdict().items()
        }

    def normalised(self, kind: str, name: str = "agreement", blocks: int = 12) -> np.ndarray:
        """Means over as many runs of consecutive blocks, float64 `[blocks]`.

        Raises:
            UsageError: There is no such kind or measure, or the depth is no multiple of `blocks`.
        """
        check_choice("kind", kind, self.kinds)
        return grouped(self.values[kind, check_name(name, MEASURES)].mean, blocks)

    def normalised_table(self, name: str = "agreement", blocks: int = 12) -> DataFrame:
        """A row per group of blocks, by which the paper's figure 4b shows ViT-L/16.

        Raises:
            UsageError: There is no such measure, or the depth is no multiple of `blocks`.
        """
        columns: dict[str, list[Any]] = {"group of blocks": list(range(blocks))}
        known = published.GROUPED_AGREEMENT.get(self.paper, {})
        for kind in self.kinds:
            columns[kind] = self.normalised(kind, name, blocks).tolist()
            if name == "agreement" and blocks == published.GROUPED.get(self.paper):
                listed = published.listed(published.placed(known[kind], blocks))
                columns[f"{kind}, {published.SOURCE}"] = listed
        return frame(columns, f"{self.title}: {LABELS[name]}")

    def summary(self) -> str:
        """The agreement of each kind in the last block, and with a random class."""
        lines: list[str] = []
        for kind in self.kinds:
            rate, chance = (self.values[kind, name] for name in ("agreement", "chance"))
            with_random = f"{chance.mean[-1]:.3f} with a random class"
            lines.append(f"key-value agreement, {kind}: {mean_and_half(rate, -1)}, {with_random}")
        return "\n".join([f"{self.title}, last block", *lines])

    def figure(self, name: str = "agreement") -> Figure:
        """One measure of key-value memories, block by block, with 95 % intervals.

        Beside "agreement" stand the agreement with a class drawn at random, and what was published.

        Args:
            name: `"agreement"`, `"chance"`, `"single"`, or `"answers"`: agreement at the first
                token, of images that the model classifies right and wrong, with a star in a kind's
                colour where it is larger for right answers (one-sided p < .05).

        Raises:
            UsageError: There is no such measure.
        """
        check_name(name, [*MEASURES, "answers"])
        plot = charts.figure_over_blocks(
            self.titled(_QUANTITIES[name]), range(self.n_blocks), _QUANTITIES[name]
        )
        if name == "answers":
            return self._with_answers(plot)
        means = {kind: self.values[kind, name] for kind in self.kinds}
        return charts.with_means(plot, "block", charts.places_of(plot), means, self._beside(name))

    def _beside(self, name: str) -> dict[str, list[float]]:
        beside = {}
        if name == "agreement":
            chance = {kind: self.values[kind, "chance"].mean.tolist() for kind in self.kinds}
            beside = {f"{kind}, random class": mean for kind, mean in chance.items()}
        known = {kind: one for (kind, of), one in self.published.items() if of == name}
        return beside | {f"{kind}, {published.SOURCE}": one.tolist() for kind, one in known.items()}

    def _with_answers(self, plot: Figure) -> Figure:
        curves = {
            f"{kind}, {word}": getattr(one, word).tolist()
            for word in ("right", "wrong")
            for kind, one in self.answers.items()
        }
        charts.with_curves(plot, "block", charts.places_of(plot), curves)
        p = {kind: one.p for kind, one in self.answers.items()}
        return charts.with_stars_of_kinds(plot, p, 1, "right above wrong")
