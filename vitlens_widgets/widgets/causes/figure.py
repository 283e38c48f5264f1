"""What Causes can put in a figure: both images, the map of parts, and every state's tokens."""

from __future__ import annotations

from functools import partial
from typing import Any

from vitlens_widgets.export.figures.parts import FigurePart, FigureParts, Shared
from vitlens_widgets.widgets.causes.shown import ShownCauses
from vitlens_widgets.widgets.causes.still import image, of_state, part_map


def figure_parts(traits: dict[str, Any], shared: Shared | None = None) -> FigureParts:
    """Its panels, from its traits; their scales are its own."""
    del shared
    found = ShownCauses(traits)
    parts: dict[str, FigurePart] = {"clean": image(found, 0), "corrupted": image(found, 1)}
    parts["parts"] = partial(part_map, found)
    names = [f"{layer}_pre" for layer in found.layers]
    parts |= {name: of_state(found, state) for state, name in enumerate(names)}
    layer: int = traits["layer"]
    chosen = names[layer]
    legend, title = found.token_scale, "share of the way, one token exchanged"
    return FigureParts(parts, ["clean", "corrupted", "parts", chosen], names, legend, title)
