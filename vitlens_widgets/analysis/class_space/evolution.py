"""The true class' rank at every state, and what is said of it over image tokens and readout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

import vitlens_widgets.charts as charts
from vitlens_widgets.analysis.boxes import Boxes
from vitlens_widgets.analysis.class_space import project
from vitlens_widgets.analysis.over_images import OverImages
from vitlens_widgets.analysis.stream import ExampleBatch, spread, tally
from vitlens_widgets.trace import ViT
from vitlens_widgets.trace.edits import Edit

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812

MEANINGS = {
    "score": "identifiability score of image tokens: 1 - (rank - 1) / number of classes",
    "rate": "identifiability rate: share of image tokens that have the true class first",
    "images": "share of images with at least one such token",
    "readout_score": "identifiability score of what the classifier reads",
    "readout_rate": "share of images whose readout has the true class first",
}
"""What is measured at each state."""

COUNTED = {"image_tokens": "image tokens", "readout": "readout"}
"""What ranks are counted of, and what it is called."""

_OF_RANKS = "ranks of "


class Ranks(NamedTuple):
    """Ranks of the true class, from 1."""

    tokens: np.ndarray
    """int64 `[image, state, token]`, every token of the sequence."""
    readout: np.ndarray
    """int64 `[image, state]`."""


def ranks(vit: ViT, batch: ExampleBatch, edits: Sequence[Edit] = ()) -> Ranks:
    """Run a batch, with edits that leave all tokens, and read every token of every state."""
    states = vit.trace(batch.pixels, preprocessed=True, edits=edits).states
    tokens, readout = (
        [read(vit, state, batch.classes).rank.numpy() for state in states]
        for read in (project.tokens, project.readout)
    )
    return Ranks(np.stack(tokens, axis=1), np.stack(readout, axis=1))


def added(found: Ranks, n_classes: int, patches: slice, counted: slice) -> dict[str, np.ndarray]:
    """What a batch adds to each of `MEANINGS`, and to the counts of ranks.

    Args:
        found: The ranks.
        n_classes: Of how many classes.
        patches: The image tokens.
        counted: Those of them that rates count.
    """
    first = found.tokens[..., counted] == 1
    scores = {
        "score": mean_score(found.tokens[..., patches], n_classes),
        "rate": first.mean(-1),
        "images": first.any(-1),
        "readout_score": 1 - (found.readout - 1) / n_classes,
        "readout_rate": found.readout == 1,
    }
    sums = {name: tally(values) for name, values in scores.items()}
    for name, all_ in zip(COUNTED, (found.tokens[..., patches], found.readout), strict=True):
        by_state = (one.ravel() for one in all_.swapaxes(0, 1))
        sums[_OF_RANKS + name] = np.stack([counts_of_ranks(r, n_classes) for r in by_state])
    return sums


def mean_score(ranks: np.ndarray, n_classes: int) -> np.ndarray:
    """The mean identifiability score along the last axis, the tokens."""
    return 1 - (ranks - 1).mean(-1) / n_classes


def counts_of_ranks(ranks: np.ndarray, n_classes: int) -> np.ndarray:
    """How often each rank occurs, int64 `[rank]`; the first entry counts rank 1."""
    return np.bincount(ranks - 1, minlength=n_classes)


def evolution(tallies: Mapping[str, np.ndarray]) -> dict[str, OverImages]:
    """Each of `MEANINGS` over all images, `[state]`."""
    return {name: spread(tallies[name]) for name in MEANINGS}


def counted_ranks(tallies: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """How many of all images' `COUNTED` have each rank, from 1, int64 `[state, rank]`."""
    return {name: tallies[_OF_RANKS + name] for name in COUNTED}


def figure_of_boxes(
    title: str, state_names: Sequence[str], boxes: Mapping[str, Boxes], n_classes: int
) -> Figure:
    """Identifiability scores as box plots, state by state, with a line where chance is.

    Median, quartiles, and whiskers, which reach to the last value within 1.5 heights of the box;
    what lies beyond is not drawn.
    """
    plot = charts.figure_over_states(title, state_names, "identifiability score")
    plot.x_range.update(range_padding=0.12)  # so that "chance" stands beside the boxes
    charts.with_boxes(plot, boxes)
    charts.with_chance(plot, (1 + 1 / n_classes) / 2)
    return plot
