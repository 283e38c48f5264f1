"""What `convergence` found, as arrays, tables and figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import vitlens_widgets.charts as charts
from vitlens_widgets.analysis.compare import same_states
from vitlens_widgets.analysis.over_images import OverImages, over_images
from vitlens_widgets.analysis.result import Result, capitalised, check_name, mean_and_half
from vitlens_widgets.data import LabelSet
from vitlens_widgets.data.frames import frame
from vitlens_widgets.trace.sites import check_index

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812
    from pandas import DataFrame


class Measure(NamedTuple):
    """What a measure is, for people."""

    label: str
    unit: str


MEASURES = {
    "kl_to_final": Measure("KL to final", "nats, lower is nearer"),
    "rank_of_final": Measure("rank of final", "1 is nearest"),
    "overlap_with_final": Measure("overlap with final", "share of the top classes"),
    "similarity_to_final": Measure("similarity to final", "path similarity, 1: the same"),
    "entropy": Measure("entropy", "nats"),
    "kl_to_truth": Measure("KL to truth", "nats, lower is nearer"),
    "rank_of_truth": Measure("rank of truth", "1 is nearest"),
    "similarity_to_truth": Measure("similarity to truth", "path similarity, 1: a true one"),
}
"""What is measured, and in what; `vl.analysis.convergence` defines each."""


@dataclass(frozen=True, eq=False)
class Convergence(Result):
    """What `convergence` found, `[state, image]`.

    Attributes:
        title: The lens, the model and the number of images.
        labels: The class names.
        state_names: `["0_pre", ..., "final"]`.
        answers: The most probable class, int64 `[state, image]`.
        values: float64 `[state, image]` by name, in the order of `names`; NaN where the truth of an
            image is not known.
        others: The mean of each state `[state]` where every image is held against *other* images'
            final answers and truths: what is near without looking. Not there for the entropy, and
            for a single image.
        kinship: Where similarities come from, such as "WordNet 3.0"; "" where there are none.
    """

    title: str
    labels: LabelSet
    state_names: list[str]
    answers: np.ndarray = field(repr=False)
    values: Mapping[str, np.ndarray] = field(repr=False)
    others: Mapping[str, np.ndarray] = field(repr=False)
    kinship: str

    @property
    def names(self) -> list[str]:
        """What was measured."""
        return list(self.values)

    def of(self, name: str) -> np.ndarray:
        """One measure, float64 `[state, image]`.

        Raises:
            UsageError: It was not measured.
        """
        return self.values[check_name(name, self.values)]

    def mean(self, name: str) -> OverImages:
        """One measure's mean over images at each state, with spread and number.

        Raises:
            UsageError: It was not measured.
        """
        return over_images(self.of(name))

    def converged(self) -> np.ndarray:
        """The state from which on the answer is the final one, int64 `[image]`.

        The first state k such that at every state from k on the most probable class is the one that
        the last state gives; L where it comes with the last block only. An answer that was there
        before and changed in between does not count.
        """
        other = self.answers != self.answers[-1]
        return (other * np.arange(1, len(other) + 1)[:, None]).max(axis=0)

    def table(self, image: int | None = None) -> DataFrame:
        """A row per state: one image's answers and numbers, or the mean over images.

        Args:
            image: Which image; None for means, each with half the width of its 95 % interval.

        Raises:
            UsageError: There is no such image.
        """
        columns: dict[str, list[Any]] = {"state": self.state_names}
        if image is None:
            for name in self.names:
                found = self.mean(name)
                columns[name] = found.mean.tolist()
                columns[f"± ({name})"] = found.half.tolist()
            return frame(columns, self.title)
        check_index("image", image, self.answers.shape[1])
        columns["answer"] = [self.labels[index] for index in self.answers[:, image]]
        columns |= {name: values[:, image].tolist() for name, values in self.values.items()}
        return frame(columns, f"{self.title}, image {image}")

    def summary(self) -> str:
        """From where on the final answer stays, and how near the last state but one is."""
        state = self.state_names[int(np.median(self.converged()))]
        lines = [f"the final answer stays from {state} on (median of the images)"]
        before = self.state_names[-2]
        for name in self.names:
            lines.append(
                f"{MEASURES[name].label} at {before}: {mean_and_half(self.mean(name), -2)}"
            )
        return "\n".join([self.title, *lines])

    def figure(self, name: str = "kl_to_final") -> Figure:
        """One measure's mean over images at each state, with 95 % intervals.

        A second curve holds every image against other images: what is near without looking
        (`others`).

        Args:
            name: One of the `names`, or `"converged"`: at which state the answers come to stay, the
                share of the images.

        Raises:
            UsageError: It was not measured.
        """
        return self.compared({"": self}, name)

    @classmethod
    def compared(cls, results: Mapping[str, Convergence], name: str = "kl_to_final") -> Figure:
        """Several results in one figure, by name; see `vl.analysis.compare`."""
        return _converged(results) if name == "converged" else _means(results, name)


def _converged(results: Mapping[str, Convergence]) -> Figure:
    states = same_states(results)
    what, first = "The final answer stays from here on", next(iter(results.values()))
    title = first.titled(what) if len(results) == 1 else what
    plot = charts.figure_over_states(title, states, "share of images")
    shares = {
        called: np.bincount(one.converged(), minlength=len(states)) / one.answers.shape[1]
        for called, one in results.items()
    }
    return charts.with_bars(plot, "state", "share", shares)


def _means(results: Mapping[str, Convergence], name: str) -> Figure:
    states = same_states(results)
    means = {called or "its own": one.mean(name) for called, one in results.items()}
    label, unit = MEASURES[name]
    first, alone = next(iter(results.values())), len(results) == 1
    beside = (
        {"other images'": first.others[name].tolist()} if alone and name in first.others else {}
    )
    title = first.titled(f"mean {label} by state") if alone else capitalised(label)
    plot = charts.figure_over_states(title, states, f"{label} ({unit})")
    return charts.with_means(plot, "state", states, means, beside)
