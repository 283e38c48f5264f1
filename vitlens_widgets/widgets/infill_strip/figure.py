"""What an InfillStrip can put in a figure: original, masked, every state, and how near each is."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from vitlens_widgets.export.figures.parts import FigurePart, FigureParts, Shared
from vitlens_widgets.export.stills.panel import Panel
from vitlens_widgets.export.stills.piece import Piece
from vitlens_widgets.widgets.infill_strip.still import lens_of, nearness, of_lens, scores, strip


def figure_parts(traits: dict[str, Any], shared: Shared | None = None) -> FigureParts:
    """Its panels, from its traits; it has no scale."""
    del shared
    meta, lens = traits["_meta"], lens_of(traits)
    every, traits = traits, of_lens(traits, lens)
    pictures = pictures_of(traits, meta)
    parts: dict[str, FigurePart] = {**pictures}
    mse = scores(traits, meta)[0]
    if nearness(200, meta["state_names"], mse):
        parts["curves"] = partial(_curves, meta["state_names"], mse)
    for other in meta.get("lenses") or ():
        of_other = pictures_of(of_lens(every, other), meta)
        named = {f"{name}, {other}": of_other[name] for name in meta["state_names"]}
        parts |= {name: replace(panel, name=name) for name, panel in named.items()}
    beside = [f"{name}, {every['beside']}" for name in meta["state_names"]]
    return FigureParts(
        parts, [*pictures, *(beside if every.get("beside") else [])], meta["state_names"]
    )


def pictures_of(traits: dict[str, Any], meta: dict[str, Any]) -> dict[str, Panel]:
    """Original, masked, and each state's painting, by their names."""
    panels = [replace(panel, is_chosen=False) for panel in strip(traits, meta, 0)]
    return {panel.name: panel for panel in panels}


def _curves(names: list[str], mse: np.ndarray, width: int) -> Piece:
    return nearness(width, names, mse)[0]
