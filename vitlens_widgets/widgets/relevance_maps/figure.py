"""What RelevanceMaps can put in a figure: every head, each class's map, the removal curves."""

from __future__ import annotations

from functools import partial
from typing import Any

from vitlens_widgets.export.figures.parts import FigurePart, FigureParts, Shared
from vitlens_widgets.export.stills.overview import overview
from vitlens_widgets.widgets.relevance_maps.shown import ShownRelevance
from vitlens_widgets.widgets.relevance_maps.still import class_maps, removal_curve

CLASSES = ("target", "against", "difference")


def figure_parts(traits: dict[str, Any], shared: Shared | None = None) -> FigureParts:
    """Its panels, from its traits; each class keeps its own scale."""
    del shared
    found = ShownRelevance(traits)
    maps = dict(zip(CLASSES, class_maps(found), strict=False))
    parts: dict[str, FigurePart] = {**maps}
    thumbnails = found.thumbnails()
    if thumbnails is not None:
        parts["heads"] = partial(overview, maps=thumbnails, last="sum")
    for of, name in enumerate(CLASSES[: found.n_classes]):
        parts[f"{name} curve"] = partial(removal_curve, found, of)
    return FigureParts(parts, [*maps])
