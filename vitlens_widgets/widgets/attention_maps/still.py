"""A still picture of AttentionMaps: every head small, the map that is shown large, the image."""

from __future__ import annotations

from typing import Any

import numpy as np

from vitlens_widgets.export.stills.numbers import decimal
from vitlens_widgets.export.stills.overview import overview
from vitlens_widgets.export.stills.patches import Ground, framed
from vitlens_widgets.export.stills.scales import ColorScale
from vitlens_widgets.export.stills.sheet import INSIDE, MARGIN, Sheet, scaled
from vitlens_widgets.export.stills.tinting import MAP_GROUND
from vitlens_widgets.export.stills.words import GREY, INK, Word
from vitlens_widgets.widgets.attention_maps.codes import MapKind, decoded, pooled
from vitlens_widgets.widgets.shared.still import (
    joined,
    on_patches,
    patches_words,
    pinned_patches,
    token_words,
)

TOP, OVERVIEW, MAP, IMAGE = 86, 280, 400, 236  # px
MAP_LEFT, IMAGE_LEFT = MARGIN + OVERVIEW + 22, MARGIN + INSIDE - IMAGE
STATISTICS = 8  # lines of them that fit
MANY_TIMES = 20  # a log scale reaches so many times as far up and down as uniform attention


def scale_of(kind: MapKind, name: str, ranges: np.ndarray, n_tokens: int) -> ColorScale:
    """The scale that maps share.

    Args:
        kind: `"scores"` are always linear.
        name: `"log"`, `"sqrt"` or `"linear"`.
        ranges: Lo, hi and top of each map, `[map, 3]`.
        n_tokens: Keys of a query.
    """
    most, top = (float(ranges[:, i].max()) or 1.0 for i in (1, 2))
    if kind == "scores":
        return ColorScale("blue_orange", top, write=decimal, shares=(0, 0.5, 1))
    if name == "log":
        low = 10.0 ** round(np.log10(1 / MANY_TIMES / n_tokens))
        return ColorScale("magma", max(most, min(1.0, MANY_TIMES / n_tokens)), "log", low)
    shares = (0, 1 / 9, 4 / 9, 1) if name == "sqrt" else (0, 1 / 3, 2 / 3, 1)
    bend = "sqrt" if name == "sqrt" else "linear"
    return ColorScale("magma", top, bend, is_clipped=most > top, shares=shares)


class ShownMaps:
    """The maps of AttentionMaps, or of one run of an Explorer.

    Args:
        traits: The widget's traits by name, the map that is shown among them.
        run: The traits that hold the overview; default: the same.
    """

    def __init__(self, traits: dict[str, Any], run: dict[str, Any] | None = None) -> None:
        run = traits if run is None else run
        self.traits, self.meta, self.first = traits, traits["_meta"], traits["_first"]
        self.shape = (self.meta["n_layers"], self.meta["n_heads"])
        self.n_tokens, self.kind = len(self.meta["tokens"]), run["_overview_of"]["kind"]
        packed = run["_thumb_ranges"] or run["_ranges"]
        self._ranges = np.frombuffer(packed, "<f4").reshape(*self.shape, 3)
        codes = np.frombuffer(run["_codes"], "u1").reshape(*self.shape, *[self.meta["side"]] * 2)
        self.thumbnails = decoded(codes, self._ranges, self.kind)

    def scale(self, kind: MapKind, own: np.ndarray, layer: int) -> ColorScale:
        """The scale of a map of a layer, shared with the maps that the widget says."""
        norm = self.traits.get("norm", "map")
        shared = {"map": own[None], "layer": self._ranges[layer], "all": self._ranges}[norm]
        return scale_of(kind, self.traits["scale"], shared.reshape(-1, 3), self.n_tokens)

    def thumbnail(self, layer: int, head: int) -> np.ndarray:
        """A head's map in its colours, uint8 `[row, col, 3]`."""
        scale = self.scale(self.kind, self._ranges[layer, head], layer)
        return scale.pixels(self.thumbnails[layer, head])

    def shown(self) -> tuple[np.ndarray, ColorScale]:
        """The numbers `[query, key]` of the map that is shown, and its scale."""
        kind = "pattern" if self.first["show"] == "rollout" else self.first["kind"]
        codes = np.frombuffer(self.traits["_first_codes"], "u1").reshape(self.n_tokens, -1)
        own = np.array([self.first[name] for name in ("lo", "hi", "top")])
        return decoded(codes, own, kind), self.scale(kind, own, self.first["layer"])

    def index(self, token: int | None) -> int | None:
        """The row and column of a token in the maps; None where it has none."""
        tokens = self.meta["tokens"]
        return tokens.index(token) if token in tokens else None

    @property
    def chosen(self) -> tuple[int, int] | None:
        """The head that is shown, if one is."""
        is_head = self.first["show"] == "head"
        return (self.first["layer"], self.first["head"]) if is_head else None

    @property
    def words(self) -> str:
        """`"Layer 3, head 0"`."""
        layer = self.first["layer"]
        if self.first["show"] == "rollout":
            return f"Rollout of layers 0 to {layer}"
        head = "mean over heads" if self.first["show"] == "mean" else f"head {self.first['head']}"
        return f"Layer {layer}, {head}"


def draw(traits: dict[str, Any]) -> Sheet:
    """Draws a widget from its traits, the map that is shown among them."""
    sheet, maps, meta = Sheet(), ShownMaps(traits), traits["_meta"]
    which = "mean over all images" if traits["image"] is None else f"image {traits['image']}"
    size = f"{meta['n_layers']} layers × {meta['n_heads']} heads"
    subtitle = joined(meta["model_name"], size, patches_words(meta))
    sheet.title("Attention", joined(subtitle, which if meta["n_images"] > 1 else ""))
    every_head(sheet, maps, (MARGIN, TOP), (OVERVIEW, MAP + 60))
    _large(sheet, maps)
    height, width = traits["_picture_size"]
    picture = np.frombuffer(traits["_picture"], "u1").reshape(height, width, 3)
    end = image(sheet, maps, picture, (IMAGE_LEFT, TOP), IMAGE)
    _statistics(sheet, maps, end + 32)
    return sheet


def every_head(
    sheet: Sheet, maps: ShownMaps, at: tuple[int, int], size: tuple[int, int], **off: Any
) -> float:
    """All heads; returns where they end."""
    sheet.words(at[0], at[1] - 10, "every head, by layer and head", 13, GREY, width=size[0])
    return overview(sheet, maps.thumbnail, maps.shape, at, size, chosen=maps.chosen, **off)


def _large(sheet: Sheet, maps: ShownMaps) -> None:
    """The map that is shown, with its pinned pair and its legend."""
    values, scale = maps.shown()
    whole = MAP // maps.n_tokens * maps.n_tokens
    side = whole if whole > 0.8 * MAP else MAP
    pixels = scale.pixels(pooled(values, MAP) if maps.n_tokens > MAP else values)
    sheet.words(MAP_LEFT, TOP - 10, maps.words, 13, bold=True, width=MAP)
    sheet.put(scaled(pixels, side, side, smooth=False), MAP_LEFT, TOP)
    cell = max(3.0, side / maps.n_tokens)
    query, key = maps.index(maps.traits["token"]), maps.index(maps.traits["key"])
    if query is not None:
        sheet.ring(MAP_LEFT, TOP + query * side / maps.n_tokens, side, cell)
    if key is not None:
        sheet.ring(MAP_LEFT + key * side / maps.n_tokens, TOP, cell, side)
    sheet.ramp(MAP_LEFT, TOP + side + 12, side, scale.colors, scale.ticks)
    words = "score, before the softmax" if scale.is_symmetric else "attention weight"
    about = f"{words}; rows ask (query), columns are asked (key)"
    sheet.words(MAP_LEFT, TOP + side + 52, about, 12, GREY)


def image(
    sheet: Sheet, maps: ShownMaps, picture: np.ndarray, at: tuple[int, int], room: int
) -> float:
    """The image, under what the pinned token attends to; returns where it ends."""
    traits, grid = maps.traits, (maps.meta["rows"], maps.meta["cols"])
    is_row = traits["direction"] == "to"
    anchor = traits["token" if is_row else "key"]
    place = maps.index(anchor)
    ground = Ground(picture, grid, None if place is None else MAP_GROUND)
    if place is None:
        words, shown = "image", ground.within(room)
    else:
        name = token_words(maps.meta, anchor)
        words = f"what {name} attends to" if is_row else f"who attends to {name}"
        values, scale = maps.shown()
        weights = on_patches(values[place] if is_row else values[:, place], maps.meta)
        shown = ground.covered(room, weights, scale)
    sheet.words(at[0], at[1] - 10, words, 13, GREY, width=room)
    pinned = pinned_patches(maps.meta, traits["key"], traits["token"])
    return framed(sheet, shown, at, grid, pinned)


def _statistics(sheet: Sheet, maps: ShownMaps, y: float) -> None:
    """The numbers of the head that is shown; a mean or a rollout has none."""
    if maps.chosen is None:
        return
    about = maps.traits["_statistic_words"]
    values = np.frombuffer(maps.traits["_statistics"], "<f4").reshape(len(about), *maps.shape)
    sheet.words(IMAGE_LEFT, y, "This head", 13, bold=True)
    for line, (one, value) in enumerate(
        zip(about, values[(slice(None), *maps.chosen)], strict=True)
    ):
        if line == STATISTICS:
            return
        number = "–" if np.isnan(value) else f"{value:.3g} {one['unit']}".strip()
        base = y + 21 * (line + 1)
        sheet.line(IMAGE_LEFT, base, [Word(one["label"], GREY, is_name=True)], IMAGE - 100)
        sheet.words(IMAGE_LEFT + IMAGE, base, number, 12, INK, anchor="rs")
