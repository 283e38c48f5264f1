"""What a Features can put in a figure: the images it fires most on, tenths, the histogram."""

from __future__ import annotations

from functools import partial
from typing import Any

from vitlens_widgets.export.figures.parts import FigurePart, FigureParts, Shared
from vitlens_widgets.widgets.features.shown import ShownFeature
from vitlens_widgets.widgets.features.still import by_tenth, histogram, strongest


def figure_parts(traits: dict[str, Any], shared: Shared | None = None) -> FigureParts:
    """Its panels, from its traits; it has no scale."""
    del shared
    found = ShownFeature(traits)
    images, tenths = strongest(found), by_tenth(found)
    parts: dict[str, FigurePart] = {panel.name: panel for panel in [*images, *tenths]}
    parts["histogram"] = partial(histogram, found=found)
    names = [panel.name for panel in images] or ["histogram"]
    return FigureParts(parts, names, title=found.name)
