"""What many images have in common, state by state: closeness and segmentation.

>>> found = {name: vl.analysis.segmentation(lens, scenes) for name, lens in lenses.items()}
>>> show(vl.charts.segmentation(found))
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from bokeh.models import ColumnDataSource, HoverTool, Legend, LegendItem
from bokeh.palettes import Cividis256
from bokeh.transform import linear_cmap

from vitlens_widgets.analysis.closeness import MEANINGS as CLOSENESS
from vitlens_widgets.analysis.closeness import Closeness
from vitlens_widgets.analysis.segmentation import MEANINGS as SEGMENTATION
from vitlens_widgets.analysis.segmentation import Segmentation
from vitlens_widgets.charts.curves import COLOURS, figure_over_states, with_curves
from vitlens_widgets.errors import UsageError, said

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812

Found = TypeVar("Found", "Closeness", "Segmentation")


def closeness(found: Closeness | Mapping[str, Closeness], name: str = "KL to final") -> Figure:
    """One measure's mean over images at each state, with 95 % intervals.

    Of a single result, a second curve holds every image against other images: what is near without
    looking (`Closeness.others`).

    Args:
        found: What `vl.analysis.closeness` gave, or several by what they shall be called.
        name: One of their `names`.

    Raises:
        UsageError: It was not measured, or the results are of different states.
    """
    shown = _named(found, Closeness)
    others = {}
    if len(shown) == 1:
        one = next(iter(shown.values()))
        others = {"other images'": one.others[name]} if name in one.others else {}
    quantity = f"{name} ({CLOSENESS.get(name, '')})"
    return _means(shown, name, quantity, alone="its own", beside=others)


def converged(found: Closeness | Mapping[str, Closeness]) -> Figure:
    """At which state the answers come to stay (`Closeness.converged`): the share of the images.

    Args:
        found: What `vl.analysis.closeness` gave, or several by what they shall be called.

    Raises:
        UsageError: The results are of different states.
    """
    shown = _named(found, Closeness)
    states = _states(shown)
    plot = figure_over_states("the final answer stays from here on", states, "share of images")
    width, items = 0.8 / len(shown), []
    for i, (called, one) in enumerate(shown.items()):
        share = np.bincount(one.converged(), minlength=len(states)) / one.answers.shape[1]
        places = np.arange(len(states)) + 0.5 + (i - (len(shown) - 1) / 2) * width
        data = {"x": places, "share": share, "state": states, "of": [called] * len(states)}
        source = ColumnDataSource(data)
        bars = plot.vbar("x", 0.9 * width, "share", source=source, color=COLOURS[i % len(COLOURS)])
        items.append(LegendItem(label=called, renderers=[bars]))
        said = [("", "@of"), ("state", "@state"), ("share", "@share{0.000}")]
        plot.add_tools(HoverTool(renderers=[bars], tooltips=said))
    plot.y_range.start = 0
    if len(items) > 1:
        plot.add_layout(Legend(items=items, border_line_color=None), "right")
    return plot


def segmentation(found: Segmentation | Mapping[str, Segmentation], name: str = "iou") -> Figure:
    """One measure's mean over images at each state, with 95 % intervals.

    Args:
        found: What `vl.analysis.segmentation` gave, or several by what they shall be called.
        name: `"iou"`, `"separation"` or `"everywhere"`.

    Raises:
        UsageError: It was not measured, or the results are of different states.
    """
    shown = _named(found, Segmentation)
    return _means(shown, name, name, alone=name, y_range=(-0.02, 1.02))


def segmentation_classes(found: Segmentation, name: str = "iou") -> Figure:
    """One measure by class and state: a shaded number each, the mean over the images that show it.

    Args:
        found: What `vl.analysis.segmentation` gave.
        name: `"iou"`, `"separation"` or `"everywhere"`.

    Raises:
        UsageError: It was not measured.
    """
    (found,) = _named({"": found}, Segmentation).values()
    tables = [found.classes(state) for state in range(len(found.state_names))]
    classes = tables[0]["class"]
    plot = figure_over_states(found.title, found.state_names, "", y_range=classes[::-1])
    plot.height = 60 + 26 * len(classes)
    cells = [
        {"state": state, "class": row["class"], "images": row["images"], "value": row[name]}
        for state, table in zip(found.state_names, tables, strict=True)
        for row in table.rows()
    ]
    data = {key: [cell[key] for cell in cells] for key in cells[0]}
    data["ink"] = ["black" if value > 0.5 else "white" for value in data["value"]]
    data["said"] = [f"{value:.2f}" for value in data["value"]]
    source = ColumnDataSource(data)
    colour = linear_cmap("value", Cividis256, 0, 1)
    squares = plot.rect("state", "class", 1, 1, source=source, color=colour, line_color=None)
    words = {"text_align": "center", "text_baseline": "middle", "text_font_size": "11px"}
    plot.text("state", "class", "said", source=source, text_color="ink", **words)
    said = [("", "@class at @state"), (name, "@value{0.0000}"), ("images", "@images")]
    plot.add_tools(HoverTool(renderers=[squares], tooltips=said))
    plot.grid.visible = False
    return plot


def _means(
    shown: Mapping[str, Found],
    name: str,
    quantity: str,
    alone: str,
    beside: Mapping[str, np.ndarray] | None = None,
    **words: Any,
) -> Figure:
    """A curve with its interval for each result, a single one called `alone`, and more curves."""
    states = _states(shown)
    means = {called or alone: one.mean(name) for called, one in shown.items()}
    meaning = SEGMENTATION.get(name, name)
    title = next(iter(shown.values())).title if len(shown) == 1 else meaning
    curves = {called: mean.mean.tolist() for called, mean in means.items()}
    curves |= {called: values.tolist() for called, values in (beside or {}).items()}
    bands = {called: (mean.low.tolist(), mean.high.tolist()) for called, mean in means.items()}
    plot = figure_over_states(title, states, quantity, **words)
    return with_curves(plot, "state", states, curves, bands)


def _named(found: Found | Mapping[str, Found], kind: type[Found]) -> dict[str, Found]:
    """Results by name; a single one has none."""
    if isinstance(found, Mapping) and not found:
        raise UsageError("There is no result to draw: give one, or several by their names.")
    named = dict(found) if isinstance(found, Mapping) else {"": found}
    for one in named.values():
        if not isinstance(one, kind):
            maker = f"vl.analysis.{kind.__name__.lower()}"
            raise UsageError(f"This figure shows what {maker}(...) gave, not {said(one)}.")
    return named


def _states(shown: Mapping[str, Closeness] | Mapping[str, Segmentation]) -> list[str]:
    """The states that all results share."""
    names = [one.state_names for one in shown.values()]
    if any(one != names[0] for one in names):
        counts = ", ".join(str(len(one)) for one in names)
        raise UsageError(f"One figure shows results of the same states; these have {counts}.")
    return names[0]
