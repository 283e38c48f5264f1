"""Class embedding space over many images: what `vl.analysis` finds of it, one function per figure.

Values that the paper published for the same model stand beside the measured ones, named by their
source.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from vitlens_widgets.analysis.class_space import published
from vitlens_widgets.analysis.class_space.class_and_context import LABELS
from vitlens_widgets.analysis.class_space.evolution import MEANINGS
from vitlens_widgets.analysis.class_space.sub_blocks import PLACES, SUB_BLOCKS
from vitlens_widgets.charts.curves import figure_over_states, with_curves, with_means
from vitlens_widgets.charts.marks import with_chance, with_stars
from vitlens_widgets.errors import UsageError

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812

    from vitlens_widgets.analysis import (
        AttentionPerturbation,
        Building,
        ClassAndContext,
        Identifiability,
    )

_PAIRS = {"score": ("score", "readout score"), "rate": ("rate", "readout rate")}
_CALLED = {"score": "image tokens", "rate": "image tokens", "images": "any image token"}


def identifiability(
    found: Identifiability | Mapping[str, Identifiability], name: str = "score"
) -> Figure:
    """Class identifiability state by state, means over images with 95 % intervals.

    Of a single result: image tokens and readout, the baseline's, what the paper published, and a
    star where the tokens' scores are above the baseline's (one-sided p < .05). Of several: one
    curve each, over as many groups of blocks as the shallowest has blocks.

    Args:
        found: What `vl.analysis.identifiability` gave, or several by what they shall be called.
        name: `"score"`, `"rate"`, `"images"`, or one of the two of the readout alone.

    Raises:
        UsageError: There is no such measure, or depths that have no common groups.
    """
    if isinstance(found, Mapping):
        return _several(found, name)
    names = _PAIRS.get(name, (name,))
    means = {_called(one): found.mean(one) for one in names}
    beside = {}
    if found.baseline is not None:
        beside = {f"{_called(one)}, baseline": found.baseline[one].mean.tolist() for one in names}
    for one in names:
        if one in found.published:
            beside[f"{_called(one)}, {published.SOURCE}"] = found.published[one].tolist()
    quantity = f"identifiability {name}" if name in _PAIRS else MEANINGS[name].split(":")[0]
    plot = figure_over_states(found.title, found.state_names, quantity)
    with_means(plot, "state", found.state_names, means, beside)
    with_chance(plot, found.chance.get(name))
    if "all tokens" in found.p and name == "score":
        with_stars(plot, found.state_names, found.p["all tokens"], "above the baseline")
    return plot


def attention_perturbation(found: AttentionPerturbation, name: str = "rate") -> Figure:
    """One measure state by state, with attention as it is and perturbed, and 95 % intervals.

    Args:
        found: What `vl.analysis.attention_perturbation` gave.
        name: One of the measures of `vl.analysis.identifiability`.

    Raises:
        UsageError: There is no such measure.
    """
    if name not in MEANINGS:
        raise UsageError(f'"{name}" was not measured; there is {", ".join(MEANINGS)}.')
    plot = figure_over_states(found.title, found.state_names, MEANINGS[name].split(":")[0])
    means = {kind: measures[name] for kind, measures in found.values.items()}
    known = found.published if name == "rate" else {}
    before = [float("nan")] * (len(found.state_names) - 1)
    beside = {
        f"{kind}, {published.SOURCE}": [*before, known[kind]] for kind in means if kind in known
    }
    return with_means(plot, "state", found.state_names, means, beside)


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


def _several(found: Mapping[str, Identifiability], name: str) -> Figure:
    """A curve each, on the axis of normalised blocks."""
    if not found:
        raise UsageError("There is no result to draw: give one, or several by their names.")
    blocks = min(len(one.state_names) - 1 for one in found.values())
    curves = {called: one.normalised(name, blocks).tolist() for called, one in found.items()}
    places = [str(block) for block in range(1, blocks + 1)]
    short = "share of images" if name == "images" else f"identifiability {name.split()[-1]}"
    plot = figure_over_states(MEANINGS[name], places, short)
    plot.xaxis.axis_label = "normalised block"
    with_curves(plot, "block", places, curves)
    chances = {one.chance.get(name) for one in found.values()}
    with_chance(plot, chances.pop() if len(chances) == 1 else None)
    return plot


def _called(name: str) -> str:
    return _CALLED.get(name, "readout")
