"""Class embedding space over many images: what `vl.analysis` finds of it, one function per figure.

Values that the paper published for the same model stand beside the measured ones, named by their
source.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vitlens_widgets.analysis.class_space import published
from vitlens_widgets.analysis.class_space.class_and_context import LABELS
from vitlens_widgets.analysis.class_space.sub_blocks import PLACES, SUB_BLOCKS
from vitlens_widgets.charts.curves import figure_over_states, with_curves, with_means
from vitlens_widgets.charts.marks import with_chance, with_stars

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812

    from vitlens_widgets.analysis import (
        Building,
        ClassAndContext,
    )


def class_and_context(found: ClassAndContext) -> Figure:
    """Median scores of class- and context-labelled tokens state by state, between their quartiles.

    A star stands where class-labelled tokens have the larger mean (one-sided p < .05).

    Args:
        found: What `vl.analysis.class_and_context` gave.
    """
    states = found.state_names
    plot = figure_over_states(found.title, states, "identifiability score of image tokens")
    curves = {f"{label}-labelled, median": found.quantile(label).tolist() for label in LABELS}
    for label, known in found.published.items():
        curves[f"{label}-labelled, {published.SOURCE}"] = known.tolist()
    bands = {
        f"{label}-labelled, median": tuple(found.quantile(label, q).tolist() for q in (0.25, 0.75))
        for label in LABELS
    }
    with_curves(plot, "state", states, curves, bands)
    with_chance(plot, (found.counts.shape[2] + 1) / (2 * found.counts.shape[2]))
    with_stars(plot, states, found.p, "class above context")
    return plot


def building(found: Building) -> Figure:
    """Class similarity change rates of attention and MLP, block by block, with 95 % intervals.

    Args:
        found: What `vl.analysis.building` gave.
    """
    blocks = [str(block) for block in range(found.n_blocks)]
    plot = figure_over_states(found.title, blocks, "class similarity change rate")
    plot.xaxis.axis_label = "block"
    keys = [key for key in found.changes if key[0] in SUB_BLOCKS]
    called = {key: f"{SUB_BLOCKS[key[0]]}, {PLACES[key[1]]}" for key in keys}
    beside = {
        f"{called[key]}, {published.SOURCE}": found.published[key].tolist()
        for key in keys
        if key in found.published
    }
    means = {called[key]: found.changes[key] for key in keys}
    with_chance(plot, 0.5, "as often as not")
    return with_means(plot, "block", blocks, means, beside)


def composition(found: Building) -> Figure:
    """Where the class that stands first after each block had stood first before.

    Each share is counted on its own, so that they do not sum to 1.

    Args:
        found: What `vl.analysis.building` gave.
    """
    blocks = [str(block) for block in range(found.n_blocks)]
    plot = figure_over_states(found.title, blocks, "share of tokens")
    plot.xaxis.axis_label = "block"
    beside = {
        f"{name}, {published.SOURCE}": known.tolist()
        for name, known in found.published_composition.items()
    }
    return with_means(plot, "block", blocks, found.composition, beside)
