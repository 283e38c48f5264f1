"""What a PatchFeatures can put in a figure: the image, and every state."""

from __future__ import annotations

from typing import Any

from vitlens_widgets.export.figures.parts import FigurePart, FigureParts, Shared
from vitlens_widgets.widgets.patch_features.shown import ShownFeatures
from vitlens_widgets.widgets.patch_features.still import (
    LIKENESS,
    alike,
    class_map,
    coloured,
    groups_legend,
    legend_of,
    legend_words,
    untouched,
)


def figure_parts(traits: dict[str, Any], shared: Shared | None = None) -> FigureParts:
    """Its panels, from its traits; their scale is fixed, and their classes' colours are, too."""
    del shared
    shown = ShownFeatures(traits)
    if shown.teaches:
        return taught_parts(shown, traits["tint"])
    parts: dict[str, FigurePart] = {"image": untouched(shown)}
    parts |= {name: coloured(shown, k, name) for k, name in enumerate(shown.state_names)}
    if shown.pinned:
        is_flat = traits["similarity"] == "flat"
        likes = [alike(shown, k, is_flat, name) for k, name in enumerate(shown.state_names)]
        parts |= {f"similarity {panel.name}": panel for panel in likes}
    last = shown.state_names[-1]
    if shown.n_groups:  # their legend, not that of the likeness
        legend = groups_legend(shown, len(shown.state_names) - 1)
        return FigureParts(
            parts, ["image", last], shown.state_names, legend, f"share of patches at {last}"
        )
    both = [f"similarity {last}"] if shown.pinned else []
    legend = LIKENESS if shown.pinned else ()
    title = "cosine similarity to the pinned patch" if shown.pinned else ""
    return FigureParts(parts, ["image", last, *both], shown.state_names, legend, title)


def taught_parts(shown: ShownFeatures, tint: str) -> FigureParts:
    """The class map of every state."""
    last = len(shown.state_names) - 1
    parts: dict[str, FigurePart] = {"image": untouched(shown)}
    parts |= {name: class_map(shown, k, tint, name) for k, name in enumerate(shown.state_names)}
    legend, title = legend_of(shown, last, tint), legend_words(shown, last, tint)
    return FigureParts(parts, [*parts], shown.state_names, legend, title)
