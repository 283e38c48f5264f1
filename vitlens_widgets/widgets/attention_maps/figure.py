"""What AttentionMaps can put in a figure: every head, the map that is shown, the image."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from vitlens_widgets.export.figures.parts import FigurePart, FigureParts, Shared
from vitlens_widgets.export.stills.film import with_words
from vitlens_widgets.export.stills.overview import Head, overview
from vitlens_widgets.export.stills.piece import Piece
from vitlens_widgets.export.stills.scales import ColorScale
from vitlens_widgets.widgets.attention_maps.shown import ShownMaps
from vitlens_widgets.widgets.attention_maps.still import image_panel, map_panel

FINE = 4  # pixels for a unit that a map has at most


def figure_parts(traits: dict[str, Any], shared: Shared | None = None) -> FigureParts:
    """Its panels, from its traits, on a scale or with colours that others share."""
    maps = ShownMaps(traits, shared=shared if isinstance(shared, ColorScale) else None)
    picture = np.frombuffer(traits["_picture"], "u1").reshape(*traits["_picture_size"], 3)
    caption, image = image_panel(maps, picture)
    if caption != "image":
        image = replace(image, notes=[maps.words], legend=maps.shown()[1])
    parts = {"heads": heads_of(maps), "map": partial(_map, maps)}
    parts["image"] = replace(image, name=caption)
    return FigureParts(parts, [*parts], shared=maps.shown()[1])


def heads_of(maps: ShownMaps, off: list[Head] | None = None) -> FigurePart:
    """All heads, those that are off crossed out."""
    colors = maps.thumbnails()
    return lambda width: overview(width, colors, None, off or [])


def _map(maps: ShownMaps, room: int) -> Piece:
    notes = ["row: query, column: key", maps.unit]
    panel = replace(map_panel(maps, FINE * room), name=maps.words, notes=notes)
    return with_words(panel, room)
