"""Class embedding space over many images: what `vl.analysis` finds of it, one function per figure.

Values that the paper published for the same model stand beside the measured ones, named by their
source.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from bokeh.models import ColumnDataSource, HoverTool, Label, Span

from vitlens_widgets.analysis.class_space import published
from vitlens_widgets.analysis.class_space.evolution import MEANINGS
from vitlens_widgets.charts.curves import figure_over_states, with_curves
from vitlens_widgets.errors import UsageError

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812

    from vitlens_widgets.analysis import Identifiability

_SIGNIFICANT = 0.05
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
    curves = {called: mean.mean.tolist() for called, mean in means.items()}
    bands = {called: (mean.low.tolist(), mean.high.tolist()) for called, mean in means.items()}
    if found.baseline is not None:
        old = {f"{_called(one)}, baseline": found.baseline[one].mean.tolist() for one in names}
        curves |= old
    for one in names:
        if one in found.published:
            curves[f"{_called(one)}, {published.SOURCE}"] = found.published[one].tolist()
    quantity = f"identifiability {name}" if name in _PAIRS else MEANINGS[name].split(":")[0]
    plot = figure_over_states(found.title, found.state_names, quantity)
    with_curves(plot, "state", found.state_names, curves, bands)
    _chance(plot, found.chance.get(name))
    if "all tokens" in found.p and name == "score":
        _stars(plot, found)
    return plot


def _several(found: Mapping[str, Identifiability], name: str) -> Figure:
    """A curve each, on the axis of normalised blocks."""
    if not found:
        raise UsageError("There is no result to draw: give one, or several by their names.")
    blocks = min(len(one.state_names) - 1 for one in found.values())
    curves = {called: one.normalised(name, blocks).tolist() for called, one in found.items()}
    places = [str(block) for block in range(1, blocks + 1)]
    plot = figure_over_states(MEANINGS[name], places, MEANINGS[name].split(":")[0])
    plot.xaxis.axis_label = "normalised block"
    with_curves(plot, "block", places, curves)
    chances = {one.chance.get(name) for one in found.values()}
    _chance(plot, chances.pop() if len(chances) == 1 else None)
    return plot


def _called(name: str) -> str:
    return _CALLED.get(name, "readout")


def _chance(plot: Figure, chance: float | None) -> None:
    """A dashed line where logits in random order would be."""
    if chance is not None:
        line = {"line_dash": "dashed", "line_color": "#767676", "line_width": 1}
        plot.add_layout(Span(location=chance, dimension="width", **line))
        words = {"text_font_size": "11px", "text_color": "#767676", "x_units": "screen"}
        plot.add_layout(Label(x=4, y=chance, text="chance", **words))


def _stars(plot: Figure, found: Identifiability) -> None:
    """A star above each state whose scores are above the baseline's."""
    p = found.p["all tokens"]
    starred = np.flatnonzero(p < _SIGNIFICANT)
    data = {"state": [found.state_names[k] for k in starred], "p": p[starred].tolist()}
    source = ColumnDataSource({**data, "y": [1.05] * len(starred)})
    stars = plot.scatter("state", "y", source=source, marker="asterisk", size=8, color="#595959")
    said = [("", "above the baseline at @state"), ("p", "@p{0.000e+0}")]
    plot.add_tools(HoverTool(renderers=[stars], tooltips=said))
