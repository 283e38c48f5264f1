"""A still picture of AttentionMaps: every head small, the map that is shown large, the image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from vitlens_widgets.export.stills.film import film
from vitlens_widgets.export.stills.overview import Head, overview
from vitlens_widgets.export.stills.panel import Panel
from vitlens_widgets.export.stills.piece import Piece
from vitlens_widgets.export.stills.sheet import captioned, shares, sheet
from vitlens_widgets.export.stills.tinting import prepared
from vitlens_widgets.widgets.attention_maps.codes import pooled
from vitlens_widgets.widgets.attention_maps.shown import ShownMaps
from vitlens_widgets.widgets.shared.still import joined, patches_words, rings


def draw(traits: dict[str, Any]) -> Piece:
    """Draws a widget from its traits, the map that is shown among them."""
    maps, meta = ShownMaps(traits), traits["_meta"]
    which = "mean over all images" if traits["image"] is None else f"image {traits['image']}"
    size = f"{meta['n_layers']} layers × {meta['n_heads']} heads"
    subtitle = joined(meta["model_name"], size, patches_words(meta))
    picture = np.frombuffer(traits["_picture"], "u1").reshape(*traits["_picture_size"], 3)
    left, middle, right = shares(0.285, 0.445, 0.27)
    row = [every_head(left, maps), _large(middle, maps), on_image(right, maps, picture)]
    return sheet("Attention", subtitle, [which if meta["n_images"] > 1 else ""], row)


def every_head(width: int, maps: ShownMaps, off: Sequence[Head] = ()) -> Piece:
    """All heads, those that are off crossed out."""
    heads = overview(width, maps.thumbnails(), maps.chosen, off)
    return captioned("every head, by layer and head", heads)


def on_image(width: int, maps: ShownMaps, picture: np.ndarray, **words: Any) -> Piece:
    """The image, under what the pinned token attends to."""
    caption, panel = image_panel(maps, picture, **words)
    return captioned(caption, film(width, [panel], width))


def image_panel(maps: ShownMaps, picture: np.ndarray, **words: Any) -> tuple[str, Panel]:
    """What is seen on the image, and the image."""
    caption, cover = maps.of_pinned()
    ground = picture if caption == "image" else prepared(picture)
    pinned = rings(maps.meta, maps.traits["key"], maps.traits["token"])
    return caption, Panel(ground, cover, rings=pinned, **words)


def _large(width: int, maps: ShownMaps) -> Piece:
    return captioned(maps.words, film(width, [map_panel(maps, width)], width))


def map_panel(maps: ShownMaps, width: int) -> Panel:
    """The map that is shown, with its pinned pair and its legend, for so many pixels."""
    values, scale = maps.shown()
    colors = scale.pixels(pooled(values, width) if maps.n_tokens > width else values)
    cover = np.concatenate([colors, np.ones((*colors.shape[:2], 1))], -1)
    notes = ["rows ask (query), columns are asked (key)", maps.unit]
    return Panel(None, cover, notes=notes, rings=maps.pinned_pair(), legend=scale)
