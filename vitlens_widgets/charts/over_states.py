"""Curves over the states of a reading, one function per figure.

>>> from bokeh.plotting import output_notebook, show
>>> output_notebook()
>>> show(vl.charts.probability(reading, targets=["cat", "dog"], tokens=[24]))
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

from bokeh.models import ColumnDataSource, HoverTool, Legend, LegendItem
from bokeh.plotting import figure

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812

    from vitlens_widgets.lenses import Reading

# Okabe & Ito's colours, apart for every kind of colour vision, and dashes for those without any.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_DASHES = ("solid", "dashed", "dotdash", "dotted")

Place = int | str
"""A token of the layout, or `"readout"`."""


def probability(
    reading: Reading,
    targets: Sequence[int | str],
    tokens: Sequence[Place] = ("readout",),
    image: int = 0,
) -> Figure:
    """The probability of chosen classes at chosen places, state by state.

    Args:
        reading: A lens applied to a trace.
        targets: Classes, named or counted from 0.
        tokens: Tokens of the layout, or `"readout"`.
        image: Which image.

    Raises:
        UsageError: No such class, token or image.
    """
    plot = _figure(reading, "probability", y_range=(-0.02, 1.02))
    curves = {
        f"{reading.labels[c]}, {_name(reading, place)}": _at(
            reading, place, image, lambda read, c=c: read.probability(c)
        )
        for c, place in product(_classes(reading, targets), tokens)
    }
    return _with_curves(plot, reading, curves)


def rank(
    reading: Reading,
    targets: Sequence[int | str],
    tokens: Sequence[Place] = ("readout",),
    image: int = 0,
) -> Figure:
    """The rank of chosen classes (1 is the most probable) on a logarithmic axis, best on top.

    Args and errors as for `probability`.
    """
    plot = _figure(reading, "rank", y_axis_type="log", y_range=(len(reading.labels) * 1.2, 0.8))
    curves = {
        f"{reading.labels[c]}, {_name(reading, place)}": _at(
            reading, place, image, lambda read, c=c: read.rank(c)
        )
        for c, place in product(_classes(reading, targets), tokens)
    }
    return _with_curves(plot, reading, curves)


def entropy(reading: Reading, tokens: Sequence[Place] = ("readout",), image: int = 0) -> Figure:
    """The entropy of the answer at chosen places in nats, of ln(number of classes) at most.

    Args and errors as for `probability`.
    """
    most = math.log(len(reading.labels))
    plot = _figure(reading, "entropy (nats)", y_range=(-0.02 * most, 1.02 * most))
    curves = {
        _name(reading, place): _at(reading, place, image, lambda read: read.entropy())
        for place in tokens
    }
    return _with_curves(plot, reading, curves)


def kl_to_final(reading: Reading, tokens: Sequence[Place] = ("readout",), image: int = 0) -> Figure:
    """KL of the final answer from each state's, in nats; lower is nearer to the final answer.

    Args and errors as for `probability`; the divergence is that of `Reading.kl_to_final`.
    """
    plot = _figure(reading, "KL to final (nats), lower is nearer")
    curves = {
        _name(reading, place): _at(reading, place, image, lambda read: read.kl_to_final())
        for place in tokens
    }
    return _with_curves(plot, reading, curves)


def _classes(reading: Reading, targets: int | str | Sequence[int | str]) -> list[int]:
    """Class indices; one class needs no list."""
    listed = [targets] if isinstance(targets, (int, str)) else targets
    return [reading.labels.index(target) for target in listed]


def _name(reading: Reading, place: Place) -> str:
    return (
        f"readout ({reading.readout_name})"
        if place == "readout"
        else reading.layout.describe(place)
    )


def _at(reading: Reading, place: Place, image: int, measure: Any) -> list[float]:
    """One number per state at one place of one image."""
    reading.picture(image)  # refuses an image that is not there
    if place == "readout":
        return measure(reading.readout)[:, image].tolist()
    return measure(reading)[:, image, reading.position(place)].tolist()


def _figure(reading: Reading, quantity: str, **words: Any) -> Figure:
    plot = figure(
        title=f"{reading.lens_name} of {reading.model_name}",
        x_range=list(reading.state_names),
        y_axis_label=quantity,
        height=280,
        sizing_mode="stretch_width",
        max_width=720,
        tools="",
        toolbar_location=None,
        **words,
    )
    plot.xaxis.major_label_orientation = 0 if reading.n_states <= 13 else math.pi / 4
    plot.xgrid.visible = False
    return plot


def _with_curves(plot: Figure, reading: Reading, curves: dict[str, list[float]]) -> Figure:
    items = []
    for i, (name, values) in enumerate(curves.items()):
        data = {"state": list(reading.state_names), "value": values, "curve": [name] * len(values)}
        source = ColumnDataSource(data)
        colour = _COLOURS[i % len(_COLOURS)]
        dash = _DASHES[i // len(_COLOURS) % len(_DASHES)]
        line = plot.line(
            "state", "value", source=source, color=colour, line_width=2, line_dash=dash
        )
        dots = plot.scatter("state", "value", source=source, color=colour, size=6)
        items.append(LegendItem(label=name, renderers=[line, dots]))
        plot.add_tools(_hover(dots))
    plot.add_layout(
        Legend(items=items, border_line_color=None), "right" if len(items) > 1 else "above"
    )
    return plot


def _hover(dots: Any) -> HoverTool:
    said = [("", "@curve"), ("state", "@state"), ("value", "@value{0.0000}")]
    return HoverTool(renderers=[dots], tooltips=said)
