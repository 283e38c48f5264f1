"""A still picture of a PatchGrid: the chosen state large, every state small, what they answer."""

from __future__ import annotations

from typing import Any

import numpy as np

from vitlens_widgets.export.stills.curve import Curve, curves
from vitlens_widgets.export.stills.film import film
from vitlens_widgets.export.stills.panel import Panel
from vitlens_widgets.export.stills.paper import beside
from vitlens_widgets.export.stills.piece import Piece
from vitlens_widgets.export.stills.sheet import GAP, captioned, shares, sheet
from vitlens_widgets.widgets.patch_grid.patches import Patches
from vitlens_widgets.widgets.patch_grid.shown import ShownLenses
from vitlens_widgets.widgets.shared.still import (
    joined,
    patches_words,
    rings,
    state_words,
    token_words,
)


def draw(traits: dict[str, Any]) -> Piece:
    """Draws a widget from its traits."""
    lenses, meta = ShownLenses.of_grid(traits), traits["_meta"]
    answers = lenses.answers[lenses.lens]
    which = f"image {meta['image']}, " if meta["n_images"] > 1 else ""
    size = f"{patches_words(meta)} · {meta['n_classes']} labels"
    subtitle = joined(meta["model_name"], lenses.lens, size)
    shown = which + state_words(meta["state_names"], traits["state"])
    lines = [joined(shown, meta["caption"]), *answers.lines(traits["state"], traits["token"])]
    image = Panel(answers.picture, np.zeros((*answers.grid, 4)), "image")
    left, right = shares(0.43, 0.57)
    row = [large(left, lenses.shown, traits), states(right, lenses.shown, traits, image)]
    below = [] if len(lenses.names) == 1 else [[compared(left, right, lenses, traits, image)]]
    return sheet("Patch answers", subtitle, lines, row, *below)


def compared(
    left: int, right: int, lenses: ShownLenses, traits: dict[str, Any], image: Panel
) -> Piece:
    """The curves of all lenses, and the states of the one that stands beside the shown one."""
    drawn = of_every_lens(left, lenses, traits)
    if lenses.beside is None or lenses.is_difference:
        return drawn
    film_of = states(right, lenses.of(lenses.beside), traits, image)
    return beside([drawn, captioned(f"the same by the {lenses.beside}", film_of)], GAP)


def of_every_lens(width: int, lenses: ShownLenses, traits: dict[str, Any]) -> Piece:
    """One token through the states by every lens: the pinned one, or the readout."""
    meta = traits["_meta"]
    token = -1 if traits["token"] is None else traits["token"]
    names = meta["state_names"]
    places = (np.arange(len(names)) + 0.5) / len(names)
    order = sorted(lenses.names, key=lambda name: name != lenses.lens)
    many = [
        Curve(name, places, lenses.curve(name, token), *_line(lenses.names.index(name), i == 0))
        for i, name in enumerate(order)
    ]
    finite = np.concatenate([one.y[np.isfinite(one.y)] for one in many] or [np.zeros(1)])
    step = -(-len(names) // 7)
    ticks = [(float(at), name) for at, name in zip(places, names, strict=True)][::step]
    end, start = float(finite.max(initial=0)), float(finite.min(initial=0))
    who = token_words(meta, token) if token >= 0 else f"{meta['readout_name']} readout"
    drawn = curves(width, many, ticks, end if end > start else start + 1, start)
    return captioned(f"by every lens, {who}: {lenses.curve_words}", drawn)


def _line(index: int, is_shown: bool) -> tuple[str, tuple[int, int] | None]:
    """The colour of a lens's line, and its dashes, which it keeps."""
    return "#1b1b1b" if is_shown else "#6b6b6b", (None, (7, 11), (2, 5), (9, 14))[index % 4]


def large(width: int, patches: Patches, traits: dict[str, Any]) -> Piece:
    """The chosen state, with its legend and what is pinned."""
    state, pinned = traits["state"], rings(patches.answers.meta, traits["token"])
    panel = patches.panel(state, legend=patches.legend(state), rings=pinned)
    words = patches.tint.words
    return captioned(f"tint: {words}" if words else "", film(width, [panel], width))


def states(width: int, patches: Patches, traits: dict[str, Any], *before: Panel) -> Piece:
    """Every state small, with the readout's answer and the pinned token's."""
    answers, tokens = patches.answers, [-1]
    words = f"under each state: the answer of the {answers.meta['readout_name']} readout"
    if traits["token"] is not None:
        tokens.append(traits["token"])
        words += f", then of {token_words(answers.meta, traits['token'])}"
    panels = list(before)
    for i, name in enumerate(answers.meta["state_names"]):
        notes = [answers.words(i, token) for token in tokens]
        panels.append(patches.panel(i, name=name, notes=notes, is_chosen=i == traits["state"]))
    return captioned(words, film(width, panels))
