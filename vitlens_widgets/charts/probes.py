"""Figures of linear probes, block by block."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vitlens_widgets.analysis.class_space import published
from vitlens_widgets.analysis.probes.result import check_measure, column_of
from vitlens_widgets.charts.curves import figure_over_states, with_means

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812

    from vitlens_widgets.analysis import LinearProbes


def linear_probes(found: LinearProbes, name: str = "accuracy") -> Figure:
    """One measure of the probes at each site, means over image tokens with 95 % intervals.

    Beside the accuracy stands what the model's own classifier reads at the same places.

    Args:
        found: What `vl.analysis.linear_probes` gave.
        name: `"accuracy"`, `"rank"` or `"projection"`.

    Raises:
        UsageError: There is no such measure.
    """
    check_measure(name)
    names = (name, "projection") if name == "accuracy" else (name,)
    keys = [(site, one) for one in names for site in found.places.sites]
    blocks = [str(layer) for layer in found.places.layers]
    quantity = {"rank": "mean rank of the true class"}.get(name, "accuracy, image tokens")
    plot = figure_over_states(found.title, blocks, quantity)
    plot.xaxis.axis_label = "block"
    means = {column_of(*key): found.image_tokens[key] for key in keys}
    beside = {
        f"{column_of(*key)}, {published.SOURCE}": known.tolist()
        for key, known in found.published.items()
        if key in keys
    }
    return with_means(plot, "block", blocks, means, beside)
