"""A still picture of AttentionMaps: every head small, the one that is shown large, the image."""

from __future__ import annotations

from typing import Any

import numpy as np

from vitlens_widgets.export.stills import films, heads
from vitlens_widgets.export.stills import sheet as paper
from vitlens_widgets.export.stills.sheet import INSIDE, MARGIN, Sheet

TOP = 84
OVERVIEW, MAP, IMAGE = 236, 420, 260  # widths, px
MAP_LEFT = MARGIN + OVERVIEW + 22
IMAGE_LEFT = MARGIN + INSIDE - IMAGE
STATISTICS = 8  # lines of them that fit


def draw(state: dict[str, Any]) -> Sheet:
    """Draws a widget from its traits, the map that is shown among them."""
    sheet, maps = Sheet(), heads.Heads(state)
    meta = maps.meta
    which = "mean over all images" if state["image"] is None else f"image {state['image']}"
    subtitle = (
        f"{meta['model_name']} · {meta['n_layers']} layers × {meta['n_heads']} heads · "
        f"{films.patches_words(meta)}"
    )
    films.title(sheet, "Attention", f"{subtitle} · {which}" if meta["n_images"] > 1 else subtitle)
    sheet.words(MARGIN, TOP - 10, "every head, by layer and head", 13, paper.GREY)
    heads.overview(sheet, maps, (MARGIN, TOP), (OVERVIEW, MAP + 60))
    sheet.words(MAP_LEFT, TOP - 10, heads.map_words(maps), 13, bold=True, width=MAP)
    heads.large(sheet, maps, (MAP_LEFT, TOP), MAP)
    height, width = state["_picture_size"]
    picture = np.frombuffer(state["_picture"], "u1").reshape(height, width, 3)
    end = heads.image(sheet, maps, picture, (IMAGE_LEFT, TOP), IMAGE)
    heads.statistics(sheet, maps, (IMAGE_LEFT, end + 30), IMAGE, STATISTICS)
    return sheet
