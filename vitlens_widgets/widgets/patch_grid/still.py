"""A still picture of a PatchGrid: the chosen state large, every state small, what they answer."""

from __future__ import annotations

from typing import Any

import numpy as np

from vitlens_widgets.export.stills.film import film
from vitlens_widgets.export.stills.panel import Panel
from vitlens_widgets.export.stills.piece import Piece
from vitlens_widgets.export.stills.sheet import captioned, shares, sheet
from vitlens_widgets.widgets.patch_grid.answers import Answers
from vitlens_widgets.widgets.patch_grid.patches import Patches, tint_of
from vitlens_widgets.widgets.shared.still import (
    joined,
    patches_words,
    rings,
    state_words,
    token_words,
)


def draw(traits: dict[str, Any]) -> Piece:
    """Draws a widget from its traits."""
    answers, meta = Answers(traits), traits["_meta"]
    which = f"image {meta['image']}, " if meta["n_images"] > 1 else ""
    size = f"{patches_words(meta)} · {meta['n_classes']} labels"
    subtitle = joined(meta["model_name"], meta["lens_name"], size)
    shown = which + state_words(meta["state_names"], traits["state"])
    lines = [joined(shown, meta["caption"]), *answers.lines(traits["state"], traits["token"])]
    patches = Patches(answers, tint_of(answers, traits["tint"]), traits["glyph"])
    image = Panel(answers.picture, np.zeros((*answers.grid, 4)), "image")
    left, right = shares(0.43, 0.57)
    row = [large(left, patches, traits), states(right, patches, traits, image)]
    return sheet("Patch answers", subtitle, lines, row)


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
