"""A still picture of RelevanceMaps: every head small, each class's map on the image, the curves."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from vitlens_widgets.export.stills.curve import Curve, curves
from vitlens_widgets.export.stills.numbers import probability, three_digits
from vitlens_widgets.export.stills.overview import overview
from vitlens_widgets.export.stills.patches import Ground, framed
from vitlens_widgets.export.stills.scales import ColorScale
from vitlens_widgets.export.stills.sheet import INSIDE, MARGIN, Sheet
from vitlens_widgets.export.stills.tinting import MAP_GROUND
from vitlens_widgets.export.stills.words import GREY, HINT, INK, Word
from vitlens_widgets.widgets.shared.still import joined, on_patches, patches_words, pinned_patches

TOP, OVERVIEW, GAP = 100, 270, 20  # px
LARGEST, CURVE = 340, 150
KINDS = (
    ("least relevant first", "#0072B2", None),
    ("most relevant first", "#D55E00", (7, 11)),
    ("random orders", HINT, (2, 6)),
)
"""In the order in which the curves are sent."""


class ShownRelevance:
    """The arrays of a RelevanceMaps.

    Args:
        traits: The widget's traits by name.
    """

    def __init__(self, traits: dict[str, Any]) -> None:
        self.traits, self.meta, self.of = traits, traits["_meta"], traits["_maps_of"]
        self.n_classes = 1 if self.of["against"] is None else 2

    @functools.cached_property
    def heads(self) -> np.ndarray | None:
        """Relevance on the patches, `[class, layer, head, row, col]`, the difference as a third."""
        sizes = (self.meta["n_layers"], self.meta["n_heads"])
        return self._on_patches("_heads", *sizes) if self.traits["_heads"] else None

    @functools.cached_property
    def whole(self) -> np.ndarray:
        """The same over all blocks and heads, `[class, row, col]`."""
        return self._on_patches("_tokens")

    def _on_patches(self, name: str, *sizes: int) -> np.ndarray:
        """NaN where a patch was dropped."""
        values = np.frombuffer(self.traits[name], "<f4").reshape(self.n_classes, *sizes, -1)
        if self.n_classes == 2:
            values = np.concatenate([values, values[:1] - values[1:]])
        return on_patches(values, self.meta)

    @property
    def show(self) -> str:
        """What stands large."""
        return "all" if self.heads is None else self.traits["show"]

    def maps(self, show: str, layer: int, head: int) -> np.ndarray:
        """The maps of all blocks, of a block or of a head, `[class, row, col]`."""
        if self.heads is None or show == "all":
            return self.whole
        return self.heads[:, layer].sum(1) if show == "layer" else self.heads[:, layer, head]

    def scale(self, which: int, show: str, layer: int, head: int) -> ColorScale:
        """The scale of one map of a class (2: the difference)."""
        sharing = slice(None) if self.traits["shared"] else slice(which, which + 1)
        sharers, norm = self.maps(show, layer, head), self.traits["norm"]
        if self.heads is not None and show != "all":
            if norm == "all":
                sharers = self.heads.sum(2) if show == "layer" else self.heads
            elif norm == "layer" and show == "head":
                sharers = self.heads[:, layer]
        end = float(np.nanmax(np.abs(sharers[sharing])))
        diverges = self.traits["_is_signed"] or which == 2
        name = "blue_orange" if diverges else "magma"
        return ColorScale(name, end, self.traits["scale"], write=three_digits)


def draw(traits: dict[str, Any]) -> Sheet:
    """Draws a widget from its traits."""
    sheet, found = Sheet(), ShownRelevance(traits)
    which = f"image {found.of['image']}" if found.meta["n_images"] > 1 else ""
    subtitle = joined(found.meta["model_name"], patches_words(found.meta), which)
    sheet.title("Relevance", subtitle, joined(_shown(found), found.meta["caption"]))
    left = MARGIN
    if found.heads is not None:
        _heads(sheet, found, found.heads.shape[1:3])
        left += OVERVIEW + GAP
    room, maps = MARGIN + INSIDE - left, found.maps(found.show, traits["layer"], traits["head"])
    width = min(LARGEST, (room - GAP * (len(maps) - 1)) // len(maps))
    lefts = [left + which * (width + GAP) for which in range(len(maps))]
    end = max(_map(sheet, found, i, maps[i], (lefts[i], width)) for i in range(len(maps)))
    if len(maps) == 1:
        _curves(sheet, found, 0, (left + width + GAP, TOP + 10, room - width - GAP))
    for of in range(len(maps) - 1):
        _curves(sheet, found, of, (lefts[of], end + 32, width))
    return sheet


def _shown(found: ShownRelevance) -> str:
    layer, head = found.traits["layer"], found.traits["head"]
    words = {
        "all": "all blocks and heads",
        "layer": f"layer {layer}, sum of its heads",
        "head": f"layer {layer}, head {head}",
    }
    return joined(found.traits["_methods"][found.of["method"]], words[found.show])


def _heads(sheet: Sheet, found: ShownRelevance, shape: tuple[int, ...]) -> None:
    """Every head, each layer's sum last."""
    layers, heads = shape
    which = {"target": 0, "against": 1, "difference": 2}[found.traits["heads_of"]]
    which = which if found.n_classes > 1 else 0

    def pixels(layer: int, column: int) -> np.ndarray:
        show = "layer" if column == heads else "head"
        values = found.maps(show, layer, min(column, heads - 1))[which]
        return found.scale(which, show, layer, min(column, heads - 1)).pixels(values)

    column = {"layer": heads, "head": found.traits["head"]}.get(found.show)
    chosen = None if column is None else (found.traits["layer"], column)
    words = "every head; last: each layer's sum"
    sheet.words(MARGIN, TOP - 8, words, 12, GREY, width=OVERVIEW)
    overview(sheet, pixels, (layers, heads + 1), (MARGIN, TOP), (OVERVIEW, 420), chosen=chosen)


def _map(
    sheet: Sheet, found: ShownRelevance, which: int, values: np.ndarray, place: tuple[int, int]
) -> float:
    """A map on the image, with its class and its legend; returns where it ends."""
    (x, width), traits, grid = place, found.traits, values.shape
    picture = np.frombuffer(traits["_picture"], "u1").reshape(*traits["_picture_size"], 3)
    ground = Ground(picture, grid, MAP_GROUND)
    scale = found.scale(which, found.show, traits["layer"], traits["head"])
    sheet.line(x, TOP - 8, _class(found, which), width, 13)
    drawn, pinned = (
        ground.covered(width, values, scale),
        pinned_patches(found.meta, traits["token"]),
    )
    y = framed(sheet, drawn, (x, TOP), grid, pinned) + 10
    sheet.ramp(x, y, max(drawn.width, 120), scale.colors, scale.ticks)
    return y + 30


def _class(found: ShownRelevance, which: int) -> list[Word]:
    """`"cat 0.96"`, or of the difference `"cat − dog"`."""
    traits, target, against = found.traits, found.of["target"], found.of["against"]
    if which == 2:
        names = f"{traits['_labels'][target]} − {traits['_labels'][against]}"
        return [Word(names, INK, bold=True, is_name=True)]
    index = against if which else target
    chance = float(np.frombuffer(traits["_probability"], "<f4")[index])
    emoji = traits["_emoji"][index] or ""
    name = Word(traits["_labels"][index], INK, bold=True, emoji=emoji, is_name=True)
    words = [Word("sigmoid", HINT)] if traits["_meta"]["probability_kind"] == "sigmoid" else []
    return [name, *words, Word(probability(chance, 3))]


def _curves(sheet: Sheet, found: ShownRelevance, of: int, place: tuple[int, float, int]) -> None:
    """A class's removal curves as far as they are known."""
    (x, y, width), about = place, found.traits["_curves_of"]
    if about["refused"] or not about["done"]:
        words = about["refused"] or "removal curve: not computed yet"
        sheet.words(x, y, words, 12, HINT, width=width)
        return
    removed = np.array(about["removed"])
    values = np.frombuffer(found.traits["_curves"], "<f4").reshape(found.n_classes, len(KINDS), -1)
    name = Word(f"p({found.traits['_labels'][about['against' if of else 'target']]})", is_name=True)
    sheet.line(x, y, [name, Word("as patches go; mean", HINT)], width)
    many = []
    for (kind, color, dash), numbers in zip(KINDS, values[of].astype(float), strict=True):
        if np.isfinite(numbers).any():
            mean = probability(float(numbers.mean())) if np.isfinite(numbers).all() else ""
            many.append(Curve(kind, removed, numbers, color, dash, mean))
    shares = [(share, f"{100 * share:g} %") for share in (0, 0.5, 1)]
    curves(sheet, many, (x, y + 14), (width, CURVE), shares, [(p, f"{p:g}") for p in (0, 0.5, 1)])
