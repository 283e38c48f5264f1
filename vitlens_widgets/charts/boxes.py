"""Box plots, state by state or block by block, as in the figures of Vilas et al. (2023)."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from bokeh.models import ColumnDataSource, HoverTool, Legend, LegendItem
from bokeh.transform import dodge

from vitlens_widgets.analysis import (
    AttentionPerturbation,
    ClassAndContext,
    ClassValueAgreement,
    Identifiability,
)
from vitlens_widgets.charts.curves import COLOURS, figure_over_states
from vitlens_widgets.charts.marks import with_chance, with_stars
from vitlens_widgets.charts.memories import with_stars_of_kinds
from vitlens_widgets.errors import UsageError

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812

    from vitlens_widgets.analysis.boxes import Boxes

    Found = Identifiability | AttentionPerturbation | ClassAndContext | ClassValueAgreement

_HATCHES = (" ", "/", ".", "x")
_ROOM = 0.8
"""The share of the room of a state that its boxes fill."""


def boxes(found: Found) -> Figure:
    """The scores that a result holds means of, as box plots: median, quartiles, and whiskers.

    Of `vl.analysis.identifiability`, image tokens beside readouts, with a star where the scores are
    above the baseline's; of `attention_perturbation`, each kind; of `class_and_context`,
    class-labelled beside context-labelled tokens, with a star where the first have the larger mean;
    of `class_value_agreement`, classes, with a star in a kind's colour where its scores are above
    the baseline's. Whiskers reach to the last value within 1.5 heights of the
    box; what lies beyond is not drawn.

    Args:
        found: What one of them gave.

    Raises:
        UsageError: It is something else.

    Example:
        >>> show(vl.charts.boxes(vl.analysis.identifiability(vit, vl.world.Scenes(), n_images=50)))
    """
    kinds = (Identifiability, AttentionPerturbation, ClassAndContext, ClassValueAgreement)
    if not isinstance(found, kinds):
        raise UsageError(
            "Box plots are of what identifiability, attention_perturbation, class_and_context or "
            f"class_value_agreement gave, not of a {type(found).__name__}."
        )
    if isinstance(found, ClassValueAgreement):
        blocks = [str(block) for block in range(found.n_blocks)]
        plot = figure_over_states(found.title, blocks, "class-value agreement (cosine)")
        plot.xaxis.axis_label = "block"
        top = max(one.high.max() for one in found.boxes.values())
        _with_boxes(plot, found.boxes)
        return with_stars_of_kinds(plot, found.p, top, "above the baseline")
    plot = figure_over_states(found.title, found.state_names, "identifiability score")
    plot.x_range.range_padding = 0.12  # so that "chance" stands beside the boxes
    _with_boxes(plot, found.boxes)
    with_chance(plot, (1 + 1 / _n_classes(found)) / 2)
    if isinstance(found, ClassAndContext):
        with_stars(plot, found.state_names, found.p, "class above context")
    if isinstance(found, Identifiability) and "all tokens" in found.p:
        with_stars(plot, found.state_names, found.p["all tokens"], "above the baseline")
    return plot


def _n_classes(found: Found) -> int:
    counts = found.counts
    return (counts if isinstance(found, ClassAndContext) else next(iter(counts.values()))).shape[-1]


def _with_boxes(plot: Figure, drawn: dict[str, Boxes]) -> Figure:
    """A box for each name at each place, side by side."""
    items, width = [], _ROOM / len(drawn)
    for i, (name, one) in enumerate(drawn.items()):
        states = list(plot.x_range.factors)
        data = {key: value.tolist() for key, value in asdict(one).items()}
        source = ColumnDataSource({"state": states, "name": [name] * len(states), **data})
        x = dodge("state", (i - (len(drawn) - 1) / 2) * width, range=plot.x_range)
        look = {"color": COLOURS[i % len(COLOURS)], "source": source}
        for start, end in (("low", "lower"), ("upper", "high")):
            plot.segment(x0=x, x1=x, y0=start, y1=end, **look)
        hatch = {"hatch_pattern": _HATCHES[i % len(_HATCHES)], "hatch_alpha": 0.4}
        hatch |= {"hatch_color": look["color"], "hatch_scale": 8}
        body = plot.vbar(
            x, 0.9 * width, "upper", "lower", fill_alpha=0.25, line_width=1, **look, **hatch
        )
        middle = plot.rect(x, "median", 0.9 * width, 3, height_units="screen", **look)
        items.append(LegendItem(label=name, renderers=[body]))
        plot.add_tools(_hover([body, middle], plot.xaxis[0].axis_label or "state"))
    plot.add_layout(Legend(items=items, border_line_color=None), "right")
    return plot


def _hover(renderers: list, along: str) -> HoverTool:
    said = [("", "@name"), (along, "@state"), ("median", "@median{0.000}")]
    said += [("quartiles", "@lower{0.000} to @upper{0.000}")]
    said += [("whiskers", "@low{0.000} to @high{0.000}")]
    return HoverTool(renderers=renderers, tooltips=said)
