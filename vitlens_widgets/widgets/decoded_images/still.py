"""A still picture of a DecodedImages: the input, every state, every head, how alike they are."""

from __future__ import annotations

from typing import Any

import numpy as np

from vitlens_widgets.export.stills.curve import Curve, curves
from vitlens_widgets.export.stills.film import film
from vitlens_widgets.export.stills.overview import overview
from vitlens_widgets.export.stills.panel import Panel
from vitlens_widgets.export.stills.piece import Piece
from vitlens_widgets.export.stills.sheet import INSIDE, captioned, shares, sheet
from vitlens_widgets.widgets.decoded_images.shown import ShownPictures
from vitlens_widgets.widgets.shared.still import joined

LOWEST = -0.4  # of the axis of similarity, or what is lower


def draw(traits: dict[str, Any]) -> Piece:
    """Draws a widget from its traits."""
    found = ShownPictures(traits)
    meta, image = found.meta, traits["_of_image"]
    model = f"{meta['model_name']} by {meta['decoder_name']}"
    size = f"{meta['size'][0]} × {meta['size'][1]} pixels"
    which = f"image {image}" if meta["n_images"] > 1 else ""
    words = joined(which, found.read, meta["caption"])
    strip = [captioned("states", film(INSIDE, panels(found)))]
    if not found.heads:
        return sheet("Decoded", joined(model, size), [words], strip, [nearness(INSIDE, found)])
    left, right = shares(0.5, 0.5)
    below = [every_head(left, found), nearness(right, found)]
    return sheet("Decoded", joined(model, size), [words], strip, below)


def panels(found: ShownPictures, seed: int = 0) -> list[Panel]:
    """The input, and the picture of every state that is made."""
    bare = np.zeros((*found.input.shape[:2], 4))
    many = [Panel(found.input, bare, "input")]
    for k, name in enumerate(found.names):
        similarity = float(found.state_numbers[k, seed, 0])
        if np.isnan(similarity):
            continue
        picture = found.states[k, seed]
        bare = np.zeros((*picture.shape[:2], 4))
        is_chosen = k == found.traits["state"]
        many.append(Panel(picture, bare, name, [f"{similarity:.2f}"], is_chosen=is_chosen))
    return many


def every_head(width: int, found: ShownPictures) -> Piece:
    """All heads that are made, each block's MLP last."""
    made = np.isfinite(found.numbers[:, :-1, 0])
    so_far = "" if made.all() else f", {made.sum()} of {made.size} made"
    words = f"what each head adds to the readout, {found.strength}{so_far}"
    return captioned(words, overview(width, found.components, found.chosen, last="MLP"))


def nearness(width: int, found: ShownPictures) -> Piece:
    """How alike the picture of each state is to the input."""
    places = (np.arange(len(found.names)) + 0.5) / len(found.names)
    many = [Curve("picture, mean of seeds", places, found.similarity(), "#1b1b1b")]
    before = found.state_numbers[:, 0, 1]
    if np.isfinite(before).any():
        many.append(Curve("state itself, before decoding", places, before, "#6b6b6b", (7, 11)))
    if np.isfinite(found.others).any():
        name = "another image’s states, decoded"
        many.append(Curve(name, places, found.others, "#6b6b6b", (2, 5)))
    every = -(-len(found.names) * 46 // max(46, width - 50))  # names that stand apart
    ticks = [(float(p), found.names[k]) for k, p in enumerate(places) if k % every == 0]
    lowest = min(LOWEST, *(float(np.nanmin(curve.y, initial=LOWEST)) for curve in many))
    return captioned("similarity to the input", curves(width, many, ticks, start=lowest))
