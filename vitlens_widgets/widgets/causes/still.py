"""A still picture of Causes: the pair, the map of parts, and every state's tokens on the image."""

from __future__ import annotations

from typing import Any

import numpy as np

from vitlens_widgets.export.stills.film import film, legend
from vitlens_widgets.export.stills.panel import Mark, Panel
from vitlens_widgets.export.stills.paper import (
    GREY,
    INK,
    PAPER,
    above,
    beside,
    blank,
    words,
)
from vitlens_widgets.export.stills.piece import Letters, Piece, Placed
from vitlens_widgets.export.stills.scales import ColorScale
from vitlens_widgets.export.stills.sheet import captioned, shares, sheet
from vitlens_widgets.export.stills.tinting import prepared
from vitlens_widgets.widgets.causes.shown import ShownCauses, share_words
from vitlens_widgets.widgets.shared.still import joined, patches_words, rings

LABELS = 64  # px before the map of parts, for the names of its rows
OF_PARTS = "share of the way, one part exchanged"
CELL, SMALL_CELL, MANY = 44, 24, 8  # px of a cell, and of one of many


def draw(traits: dict[str, Any]) -> Piece:
    """Draws a widget from its traits."""
    found, meta = ShownCauses(traits), traits["_meta"]
    which = f"pair {traits['image']}" if meta["n_images"] > 1 else ""
    subtitle = joined(meta["model_name"], patches_words(meta), which)
    base, other = (meta["names"][one] for one in (found.base, 1 - found.base))
    asked = f"{base} runs, one part takes its value from {other}: share of the way to its answer"
    lines = [joined(asked, found.of["covered_words"], meta["caption"]), found.exchange_words]
    left, right = shares(0.3, 0.7)
    pair = above(*(film(left, [image(found, one)], 150) for one in (0, 1)), gap=8)
    row = [pair, captioned(_how_many(found), part_map(found, right))]
    states = [of_state(found, layer) for layer in found.layers]
    of_states = "one token of the state before each block"
    if found.traits["token"] is not None:
        of_states += "; the pinned one is marked"
    below = [captioned(of_states, film(shares(1)[0], states))]
    return sheet("Causes", subtitle, lines, row, below)


def image(found: ShownCauses, which: int) -> Panel:
    """One image of the pair with its answer."""
    cover = np.zeros((found.meta["rows"], found.meta["cols"], 4))
    words = found.answer_words(which)
    return Panel(found.pictures[which], cover, found.meta["names"][which], words)


def _how_many(found: ShownCauses) -> str:
    done, of = int(found.parts.is_known.sum()), found.parts.is_known.size
    if not found.of["has_gap"]:
        return f"{found.no_gap_words}: there is nothing to divide by"
    return f"{done} of {of} exchanged for real" + ("" if done == of else "; ≈: gradient estimate")


def part_map(found: ShownCauses, width: int) -> Piece:
    """Each part's share, layers to the right, with the names of rows and layers."""
    n_rows, n_layers = found.parts.values.shape
    cell = CELL if n_rows < MANY else SMALL_CELL
    cell = max(4, min(cell, (width - LABELS) // n_layers))
    panel = parts_panel(found).drawn(cell * max(n_rows, n_layers))
    cell = panel.width // n_layers
    step = next((one for one in (1, 2, 4, 8) if one * cell >= 24), 8)
    names = [_over(f"L{k}", cell, step * cell) for k in range(0, n_layers, step)]
    rows = [words(name, LABELS, height=cell) for name in found.row_names]
    head = beside([blank(LABELS, 1), *names])
    room = max(1, min(280, width))
    scale = above(words(OF_PARTS, room), legend(found.part_scale, room, is_blended=False))
    return above(head, beside([above(*rows), panel]), blank(1, 6), scale)


def _over(name: str, cell: int, room: int) -> Piece:
    """The name of a column, over its middle; the room reaches to the next name."""
    letters = Letters(name, 12, GREY, anchor="m")
    return blank(room, 18).with_parts(Placed(cell / 2, 9, letters))


def parts_panel(found: ShownCauses) -> Panel:
    """The map of parts, a cell each."""
    scale, (values, is_known) = found.part_scale, found.parts
    cover = np.concatenate([scale.pixels(values), np.ones((*values.shape, 1))], -1)
    cover[..., 3] = np.where(is_known, 1.0, 0.45)
    marks = [
        Mark(_said(value, known), ink=_ink_on(color))
        for value, known, color in zip(
            values.flat, is_known.flat, cover.reshape(-1, 4), strict=True
        )
    ]
    return Panel(None, cover, marks=marks, rings=[_chosen(found)])


def _said(value: float, is_known: bool) -> str:
    """A share; of an estimate that it is about so much."""
    if np.isnan(value):
        return ""
    return ("" if is_known else "≈") + share_words(float(value))


def _ink_on(color: np.ndarray) -> str:
    """Black or white, whichever is read better on a cell on white paper, as in js/causes/shades.js.

    Args:
        color: `[4]`, colours 0..255 and opacity 0..1.
    """
    seen = color[:3] * color[3] + 255 * (1 - color[3])
    return INK if seen @ [0.299, 0.587, 0.114] > 140 else PAPER


def _chosen(found: ShownCauses) -> tuple[float, float, float, float]:
    """The cell that is chosen, as shares of the map."""
    n_rows, n_layers = found.parts.values.shape
    part, beside = found.traits["part"], found.meta["rows_beside"]
    row = found.traits["head"]
    if part in beside:
        row = found.meta["n_heads"] + beside.index(part)
    return (found.traits["layer"] / n_layers, row / n_rows, 1 / n_layers, 1 / n_rows)


def of_state(found: ShownCauses, layer: int, legend: ColorScale | None = None) -> Panel:
    """The tokens of a state on the image."""
    cover = found.token_scale.cover(found.tokens[layer])
    ground = prepared(found.pictures[found.base])
    pinned = rings(found.meta, found.traits["token"])
    is_chosen = layer == found.traits["layer"]
    named = f"{layer}_pre"
    return Panel(ground, cover, named, rings=pinned, legend=legend or (), is_chosen=is_chosen)
