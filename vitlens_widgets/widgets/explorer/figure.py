"""What an Explorer can put in a figure: every state, heads, attention on the image, infilling."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from vitlens_widgets.export.figures.parts import FigurePart, FigureParts, Shared
from vitlens_widgets.widgets.attention_maps.figure import heads_of
from vitlens_widgets.widgets.attention_maps.still import image_panel
from vitlens_widgets.widgets.explorer.shown import ShownRuns
from vitlens_widgets.widgets.infill_strip.figure import pictures_of
from vitlens_widgets.widgets.patch_grid.figure import share, shared_of, states


def figure_parts(traits: dict[str, Any], shared: Shared | None = None) -> FigureParts:
    """Its panels, from its traits, on a scale or with colours that others share."""
    runs, names = ShownRuns(traits), traits["_meta"]["state_names"]
    maps = runs.maps()
    caption, image = image_panel(maps, runs.picture())
    image = replace(image, name=caption, notes=[maps.words], legend=maps.shown()[1])
    parts: dict[str, FigurePart] = {"heads": heads_of(maps, runs.off), "attention": image}
    if traits["_infill_meta"]:
        painted = pictures_of(traits, traits["_infill_meta"])
        parts |= {f"infilling {name}": panel for name, panel in painted.items()}
    if not traits["_labels"]:
        return FigureParts(parts, ["heads", "attention"])
    patches = runs.patches()
    share(patches, shared)
    return FigureParts(
        parts | states(patches, traits),
        [names[traits["state"]], "heads", "attention"],
        names,
        patches.legend_of_all(),
        patches.tint.words,
        shared_of(patches),
    )
