"""What a DecodedImages can put in a figure: input, states, heads, how alike they are."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from vitlens_widgets.export.figures.parts import FigurePart, FigureParts, Shared
from vitlens_widgets.widgets.decoded_images.shown import ShownPictures
from vitlens_widgets.widgets.decoded_images.still import every_head, nearness, panels


def figure_parts(traits: dict[str, Any], shared: Shared | None = None) -> FigureParts:
    """Its panels, from its traits; it has no scale."""
    del shared
    found = ShownPictures(traits)
    pictures = [replace(panel, is_chosen=False) for panel in panels(found, traits["seed"])]
    parts: dict[str, FigurePart] = {panel.name: panel for panel in pictures}
    if found.heads:
        parts["heads"] = partial(every_head, found=found)
    parts["similarity"] = partial(nearness, found=found)
    return FigureParts(parts, [panel.name for panel in pictures], found.names)
