"""A still picture of RelevanceMaps: every head small, each class's map on the image, the curves."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from vitlens_widgets.export.stills import films
from vitlens_widgets.export.stills import sheet as paper
from vitlens_widgets.export.stills.colors import table
from vitlens_widgets.export.stills.emoji import sprite
from vitlens_widgets.export.stills.numbers import probability
from vitlens_widgets.export.stills.relevance import Relevance
from vitlens_widgets.export.stills.sheet import INSIDE, MARGIN, Sheet, photo
from vitlens_widgets.export.stills.tinting import MAP_GROUND, laid_over, prepared

TOP, OVERVIEW, GAP, LABELS = 96, 270, 20, 24  # px
LARGEST, CURVE = 340, 150
NEGATIVE, POSITIVE = "#0072B2", "#D55E00"
KINDS = (
    ("random", "random orders", paper.HINT, (2, 4)),
    ("positive", "most relevant first", POSITIVE, (7, 4)),
    ("negative", "least relevant first", NEGATIVE, None),
)
PLACES = {"negative": 0, "positive": 1, "random": 2}


def draw(state: dict[str, Any]) -> Sheet:
    """Draws a widget from its traits."""
    sheet, found = Sheet(), Relevance(state)
    meta, of = found.meta, state["_maps_of"]
    which = f"image {of['image']}" if meta["n_images"] > 1 else ""
    subtitle = " · ".join(filter(None, [meta["model_name"], films.patches_words(meta), which]))
    shown = f"{state['_methods'][of['method']]} · {_map_words(found)}"
    films.title(sheet, "Relevance", subtitle, " · ".join(filter(None, [shown, meta["caption"]])))
    left = MARGIN
    if found.heads is not None:
        overview(sheet, found, (MARGIN, TOP))
        left += OVERVIEW + GAP
    _stage(sheet, found, left)
    return sheet


def _map_words(found: Relevance) -> str:
    layer, head = found.state["layer"], found.state["head"]
    if found.show == "all":
        return "all blocks and heads"
    return f"layer {layer}, " + ("sum of its heads" if found.show == "layer" else f"head {head}")


def overview(sheet: Sheet, found: Relevance, at: tuple[int, int]) -> None:
    """Every head, layers from top to bottom, each layer's sum last; the one shown is ringed."""
    (x, y), (layers, heads) = at, found.heads.shape[1:3]
    rows, cols = found.meta["rows"], found.meta["cols"]
    which = {"target": 0, "versus": 1, "difference": 2}[found.state["heads_of"]]
    which = which if len(found.whole) > 1 else 0
    step = min((OVERVIEW - LABELS) / (heads + 1), 56.0)
    width = max(2, int(step) - (3 if step > 20 else 1))
    height = max(1, round(width * rows / cols))
    down = height + (3 if step > 20 else 1)
    sheet.words(x, y - 8, "every head; last: each layer's sum", 12, paper.GREY, width=OVERVIEW)
    for layer in range(layers):
        top = y + layer * down
        if down >= 13 or layer % 2 == 0:
            sheet.words(x, top + height / 2 + 4, f"L{layer}", 11, paper.HINT)
        for head in range(heads + 1):
            show = "layer" if head == heads else "head"
            of_layer = found.heads[which, layer]
            values = of_layer.sum(0) if show == "layer" else of_layer[head]
            scale = found.scale(which, show, layer, head)
            small = Image.fromarray(found.pixels(values, scale))
            how = Image.Resampling.BOX if cols > width else Image.Resampling.NEAREST
            left = round(x + LABELS + head * step)
            sheet.put(small.resize((width, height), how), left, top)
            chosen = (layer, show) == (found.state["layer"], found.show)
            if chosen and (show == "layer" or head == found.state["head"]):
                sheet.ring(left, top, width, height)


def _stage(sheet: Sheet, found: Relevance, left: int) -> None:
    """The maps on the image, one beside the other, with the curves under or beside them."""
    room, maps = MARGIN + INSIDE - left, found.large()
    column = min(LARGEST, (room - GAP * (len(maps) - 1)) // len(maps))
    end = TOP
    for which, values in enumerate(maps):
        end = max(end, _panel(sheet, found, which, values, (left + which * (column + GAP), column)))
    if len(maps) == 1:
        place = (left + column + GAP, TOP + 14, room - column - GAP)
        _curve(sheet, found, 0, place)
        return
    for of in range(found.n_classes):
        _curve(sheet, found, of, (left + of * (column + GAP), end + 34, column))


def _panel(
    sheet: Sheet, found: Relevance, which: int, values: np.ndarray, place: tuple[int, int]
) -> int:
    """A map on the image, with its class and its legend; returns where it ends."""
    (x, width), (rows, cols) = place, values.shape
    pixels = found.state["_picture_size"]
    picture = np.frombuffer(found.state["_picture"], "u1").reshape(*pixels, 3)
    cell = max(1, width // max(rows, cols))
    size = (cols * cell, rows * cell)
    _class_words(sheet, found, which, (x, TOP - 8), width)
    scale = found.scale(which, found.show, found.state["layer"], found.state["head"])
    ground = np.asarray(photo(prepared(picture, **MAP_GROUND), *size))
    sheet.put(Image.fromarray(laid_over(ground, *found.paint(values, scale))), x, TOP)
    token = found.state["token"]
    if token is not None and token >= len(found.meta["prefix"]):
        row, col = divmod(token - len(found.meta["prefix"]), cols)
        sheet.ring(x + col * cell, TOP + row * cell, cell, cell)
    y = TOP + size[1] + 10
    wide = size[0] >= 220
    ticks = scale.ticks if wide else [tick for tick in scale.ticks if tick[0] in (0, 0.5, 1)]
    sheet.ramp(x, y, max(size[0], 120), table(scale.map), ticks)
    return y + 30


def _class_words(
    sheet: Sheet, found: Relevance, which: int, at: tuple[int, int], width: int
) -> None:
    """`"cat 0.96"`, or of the difference `"cat − dog"`."""
    state, (x, y) = found.state, at
    names, of = state["_labels"], state["_maps_of"]
    if which == 2:
        words = f"{names[of['target']]} − {names[of['versus']]}"
        sheet.words(x, y, words, 13, bold=True, width=width)
        return
    index = of["versus" if which else "target"]
    picture = sprite(state["_emoji"][index], 15) if state["_emoji"][index] else None
    if picture is not None:
        sheet.put(picture, x, y - 12)
        x += 20
    p = probability(float(np.frombuffer(state["_probability"], "<f4")[index]), 3)
    end = sheet.words(x, y, names[index], 13, bold=True, width=width - 80)
    sheet.words(end + 8, y, p, 13, paper.GREY)


def _curve(sheet: Sheet, found: Relevance, of: int, place: tuple[int, int, int]) -> None:
    """A class's removal curve as far as it is known."""
    state, (x, y, width) = found.state, place
    about = state["_curves_of"]
    if about["refused"] or not about["done"]:
        words = about["refused"] or "The removal curve is computed while the widget is open."
        sheet.words(x, y, words, 12, paper.HINT, width=width)
        return
    removed = np.array(about["removed"])
    values = np.frombuffer(state["_curves"], "<f4").reshape(found.n_classes, len(PLACES), -1)[of]
    index = about["versus" if of else "target"]
    words = f"removal curve: p({state['_labels'][index]})"
    sheet.words(x, y, words, 12, paper.GREY, width=width)
    left, top, right = x + 28, y + 12, x + width - 4
    for p in (0, 0.5, 1):
        line = top + CURVE * (1 - p)
        sheet.box(left, line, right - left, 1, paper.LINE)
        sheet.words(left - 6, line + 4, f"{p:g}", 11, paper.HINT, anchor="rs")
    for share, anchor in ((0, "ls"), (0.5, "ms"), (1, "rs")):
        at = left + share * (right - left)
        sheet.words(at, top + CURVE + 16, f"{100 * share:g} %", 11, paper.HINT, anchor=anchor)
    base = top + CURVE + 36
    for kind, words, color, dash in reversed(KINDS):
        numbers = values[PLACES[kind]]
        known = ~np.isnan(numbers)
        if not known.any():
            continue
        xs = left + removed[known] * (right - left)
        ys = top + CURVE * (1 - numbers[known])
        _polyline(sheet, list(zip(xs.tolist(), ys.tolist(), strict=True)), color, dash)
        _polyline(sheet, [(x, base - 4), (x + 24, base - 4)], color, dash)
        end = sheet.words(x + 32, base, words, 12, paper.GREY, width=width - 110)
        if known.all():
            end = sheet.words(end + 8, base, "mean", 12, paper.HINT)
            sheet.words(end + 5, base, probability(float(numbers.mean())), 12, bold=True)
        base += 18


def _polyline(
    sheet: Sheet, points: Sequence[tuple[float, float]], color: str, dash: tuple[int, int] | None
) -> None:
    """A line, solid or in dashes that run on around its corners."""
    if dash is None:
        sheet.pen.line(points, color, 2, joint="curve")
        return
    on, period, run = dash[0], sum(dash), 0.0
    for start, end in itertools.pairwise(points):
        step = np.subtract(end, start)
        length = float(np.hypot(*step))
        at = 0.0
        while at < length:
            phase = (run + at) % period
            left = (on if phase < on else period) - phase
            stop = min(length, at + max(left, 0.01))
            if phase < on:
                ends = [tuple(start + step * (where / length)) for where in (at, stop)]
                sheet.pen.line(ends, color, 2)
            at = stop
        run += length
