"""Figures of key-value memories, block by block."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vitlens_widgets.analysis.class_space import published
from vitlens_widgets.analysis.memories.key_value import check_measure
from vitlens_widgets.charts.curves import figure_over_states, with_curves, with_means
from vitlens_widgets.charts.marks import with_stars_of_kinds

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812

    from vitlens_widgets.analysis import ClassValueAgreement, KeyValueAgreement

_QUANTITIES = {
    "agreement": "key-value agreement rate",
    "chance": "agreement with a random class",
    "single memory": "share of single memories",
}


def class_value_agreement(found: ClassValueAgreement) -> Figure:
    """How near the nearest value vector is to each class, means over classes, 95 % intervals.

    A star in a kind's colour stands where its scores are above the baseline's (one-sided p < .05).

    Args:
        found: What `vl.analysis.class_value_agreement` gave.
    """
    plot = _over_blocks(found.title, found.n_blocks, "class-value agreement (cosine)")
    beside = {f"{kind}, baseline": one.mean.tolist() for kind, one in found.baseline_values.items()}
    with_means(plot, "block", plot.x_range.factors, found.values, beside)
    top = max(one.high.max() for one in found.values.values())
    return with_stars_of_kinds(plot, found.p, top, "above the baseline")


def key_value_agreement(found: KeyValueAgreement, name: str = "agreement") -> Figure:
    """One measure of key-value memories, with 95 % intervals.

    Beside "agreement" stand the agreement with a class drawn at random, and what was published.

    Args:
        found: What `vl.analysis.key_value_agreement` gave.
        name: `"agreement"`, `"chance"` or `"single memory"`.

    Raises:
        UsageError: There is no such measure.
    """
    check_measure(name)
    plot = _over_blocks(found.title, found.n_blocks, _QUANTITIES[name])
    beside = {}
    if name == "agreement":
        chance = {kind: found.values[kind, "chance"].mean.tolist() for kind in found.kinds}
        beside = {f"{kind}, random class": mean for kind, mean in chance.items()}
    beside |= {
        f"{kind}, {published.SOURCE}": known.tolist()
        for (kind, one), known in found.published.items()
        if one == name
    }
    means = {kind: found.values[kind, name] for kind in found.kinds}
    return with_means(plot, "block", plot.x_range.factors, means, beside)


def agreement_of_answers(found: KeyValueAgreement) -> Figure:
    """Agreement at the first token, of images that the model classifies right and wrong.

    A star in a kind's colour stands where it is larger for right answers (one-sided p < .05).

    Args:
        found: What `vl.analysis.key_value_agreement` gave.
    """
    plot = _over_blocks(found.title, found.n_blocks, "agreement rate at the first token")
    curves = {
        f"{kind}, {word}": getattr(one, word).tolist()
        for word in ("right", "wrong")
        for kind, one in found.answers.items()
    }
    with_curves(plot, "block", plot.x_range.factors, curves)
    p = {kind: one.p for kind, one in found.answers.items()}
    return with_stars_of_kinds(plot, p, 1, "right above wrong")


def _over_blocks(title: str, n_blocks: int, quantity: str) -> Figure:
    plot = figure_over_states(title, [str(block) for block in range(n_blocks)], quantity)
    plot.xaxis.axis_label = "block"
    return plot
