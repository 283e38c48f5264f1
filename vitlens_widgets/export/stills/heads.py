"""Every head small, one map large, and an image under what a patch attends to."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from vitlens_widgets.export.stills import sheet as paper
from vitlens_widgets.export.stills.colors import colored, table
from vitlens_widgets.export.stills.maps import Scale, scale_of
from vitlens_widgets.export.stills.sheet import Sheet, photo
from vitlens_widgets.export.stills.tinting import MAP_GROUND, laid_over, prepared

LABELS = 24  # px that a layer's name takes before its heads
VEIL, VEILED = 0.92, 238  # opacity and grey over a patch without a number


@dataclass(frozen=True, eq=False)
class Heads:
    """The arrays of AttentionMaps or an Explorer.

    Attributes:
        state: The widget's traits by name.
        prefix: Before the names of the overview's arrays: `""`, or `"_edited"`.
    """

    state: dict[str, Any]
    prefix: str = ""

    @property
    def meta(self) -> dict[str, Any]:
        """Names and sizes."""
        return self.state["_meta"]

    @property
    def shape(self) -> tuple[int, int]:
        """Layers and heads."""
        return self.meta["n_layers"], self.meta["n_heads"]

    @property
    def n_tokens(self) -> int:
        """Rows and columns of a map."""
        return len(self.meta["tokens"])

    @functools.cached_property
    def codes(self) -> np.ndarray:
        """The overview, uint8 `[layer, head, side, side]`."""
        side = self.meta["side"]
        packed = np.frombuffer(self.state[f"{self.prefix}_codes"], "u1")
        return packed.reshape(*self.shape, side, side)

    @functools.cached_property
    def ranges(self) -> np.ndarray:
        """Lo, hi and top of the overview's maps, `[layer, head, 3]`."""
        of_thumbs = self.state[f"{self.prefix}_thumb_ranges"]
        packed = of_thumbs or self.state[f"{self.prefix}_ranges"]
        return np.frombuffer(packed, "<f4").reshape(*self.shape, 3)

    def scale(self, kind: str, own: np.ndarray, layer: int) -> Scale:
        """The scale of a map of a layer, shared with the maps that the widget says."""
        norm = self.state.get("norm", "map")
        shared = {"map": own[None], "layer": self.ranges[layer], "all": self.ranges.reshape(-1, 3)}
        return scale_of(kind, self.state["scale"], own, shared[norm], self.n_tokens)

    @functools.cached_property
    def shown(self) -> tuple[np.ndarray, Scale]:
        """The codes `[query, key]` of the map that is shown, and its scale."""
        first, n = self.state["_first"], self.n_tokens
        codes = np.frombuffer(self.state["_first_codes"], "u1").reshape(n, n)
        kind = "pattern" if first["show"] == "rollout" else first["kind"]
        own = np.array([first["lo"], first["hi"], first["top"]])
        return codes, self.scale(kind, own, first["layer"])

    def index(self, token: int | None) -> int | None:
        """The row and column of a token in the maps; None where it has none."""
        tokens = self.meta["tokens"]
        return tokens.index(token) if token in tokens else None

    def describe(self, token: int) -> str:
        """`"CLS"`, `"row 2, col 5"`."""
        names = self.meta["prefix"]
        if token < len(names):
            return names[token]
        row, col = divmod(token - len(names), self.meta["cols"])
        return f"row {row}, col {col}"


def overview(sheet: Sheet, heads: Heads, at: tuple[int, int], size: tuple[int, int]) -> int:
    """Every head, layers from top to bottom; the one shown is ringed, those off are crossed out.

    Returns:
        Where it ends.
    """
    (x, y), (layers, count) = at, heads.shape
    off = {tuple(pair) for pair in heads.state.get("_edited_of", ())}
    step = min((size[0] - LABELS) / count, size[1] / layers, 64.0)
    side = max(1, int(step) - (3 if step > 24 else 1))
    for layer in range(layers):
        top = round(y + layer * step)
        if step >= 13 or layer % 2 == 0:
            sheet.words(x, top + side / 2 + 4, f"L{layer}", 11, paper.HINT)
        for head in range(count):
            left = round(x + LABELS + head * step)
            sheet.put(_thumbnail(heads, layer, head, side), left, top)
            if (layer, head) in off:
                sheet.cross(left, top, side)
            chosen = heads.state["_first"]
            if chosen["show"] == "head" and (layer, head) == (chosen["layer"], chosen["head"]):
                sheet.ring(left, top, side, side)
    return round(y + layers * step)


def _thumbnail(heads: Heads, layer: int, head: int, side: int) -> Image.Image:
    kind = heads.state[f"{heads.prefix}_overview_of"]["kind"]
    codes = heads.codes[layer, head]
    pixels = heads.scale(kind, heads.ranges[layer, head], layer).pixels(codes)
    how = Image.Resampling.BOX if len(codes) > side else Image.Resampling.NEAREST
    return Image.fromarray(pixels).resize((side, side), how)


def large(sheet: Sheet, heads: Heads, at: tuple[int, int], room: int) -> int:
    """The map that is shown, with its pinned pair and its legend; returns where it ends."""
    (x, y), (codes, scale) = at, heads.shown
    n = heads.n_tokens
    side = room // n * n or room
    pixels = Image.fromarray(scale.pixels(codes))
    how = Image.Resampling.NEAREST if n <= room else Image.Resampling.BOX
    sheet.put(pixels.resize((side, side), how), x, y)
    cell = side / n
    query, key = heads.index(heads.state["token"]), heads.index(heads.state["key"])
    if query is not None:
        sheet.ring(x, y + query * cell, side, max(3, cell))
    if key is not None:
        sheet.ring(x + key * cell, y, max(3, cell), side)
    sheet.ramp(x, y + side + 12, side, table(scale.map), scale.ticks)
    words = "attention weight" if scale.map == "magma" else "score, before the softmax"
    sheet.words(
        x, y + side + 52, f"{words}; rows ask (query), columns are asked (key)", 12, paper.GREY
    )
    return y + side + 56


def image(sheet: Sheet, heads: Heads, picture: np.ndarray, at: tuple[int, int], room: int) -> int:
    """The image, under what the pinned token attends to; returns where it ends."""
    (x, y), (rows, cols) = at, (heads.meta["rows"], heads.meta["cols"])
    cell = max(1, room // max(rows, cols))
    size = (cols * cell, rows * cell)
    anchor = heads.state["token" if heads.state["direction"] == "to" else "key"]
    if heads.index(anchor) is None:
        words, shown = "image", photo(picture, *size)
    else:
        ground = np.asarray(photo(prepared(picture, **MAP_GROUND), *size))
        words, shown = _words_at(heads, anchor), _looked_at(heads, ground, anchor)
    sheet.words(x, y - 10, words, 13, paper.GREY, width=room)
    sheet.put(shown, x, y)
    for one in (heads.state["key"], heads.state["token"]):
        if one is not None and one >= len(heads.meta["prefix"]):
            row, col = divmod(one - len(heads.meta["prefix"]), cols)
            sheet.ring(x + col * cell, y + row * cell, cell, cell)
    return y + rows * cell


def _words_at(heads: Heads, anchor: int) -> str:
    name = heads.describe(anchor)
    is_row = heads.state["direction"] == "to"
    return f"what {name} attends to" if is_row else f"who attends to {name}"


def _looked_at(heads: Heads, ground: np.ndarray, anchor: int) -> Image.Image:
    """The image under a row or a column of the map; patches that have no number are veiled."""
    (codes, scale), place = heads.shown, heads.index(anchor)
    line = scale.places(codes[place] if heads.state["direction"] == "to" else codes[:, place])
    prefix, grid = len(heads.meta["prefix"]), (heads.meta["rows"], heads.meta["cols"])
    on_tokens = np.full(prefix + grid[0] * grid[1], np.nan)
    on_tokens[heads.meta["tokens"]] = line
    on_patches = on_tokens[prefix:].reshape(grid)
    known = np.isfinite(on_patches)
    opacity = np.where(known, scale.opacity(np.nan_to_num(on_patches)), VEIL)
    colors = np.where(known[..., None], colored(on_patches, scale.map), VEILED)
    return Image.fromarray(laid_over(ground, colors, opacity))


def statistics(sheet: Sheet, heads: Heads, at: tuple[int, int], width: int, most: int) -> None:
    """The numbers of the head that is shown; a mean or a rollout has none."""
    chosen, (x, y) = heads.state["_first"], at
    if chosen["show"] != "head":
        return
    about = heads.state["_statistic_words"]
    values = np.frombuffer(heads.state["_statistics"], "<f4").reshape(len(about), *heads.shape)
    sheet.words(x, y, "This head", 13, bold=True)
    for one, value in zip(
        about[:most], values[:most, chosen["layer"], chosen["head"]], strict=True
    ):
        y += 21
        sheet.words(x, y, one["name"], 12, paper.GREY, width=width - 100)
        number = "–" if np.isnan(value) else f"{short_number(float(value))} {one['unit']}".strip()
        sheet.words(x + width, y, number, 12, anchor="rs")


def short_number(value: float) -> str:
    """Three digits."""
    return f"{value:.3g}"


def map_words(heads: Heads) -> str:
    """`"Layer 3, head 0"`."""
    first = heads.state["_first"]
    match first["show"]:
        case "rollout":
            return f"Rollout of layers 0 to {first['layer']}"
        case "mean":
            return f"Layer {first['layer']}, mean over heads"
        case _:
            return f"Layer {first['layer']}, head {first['head']}"
