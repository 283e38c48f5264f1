"""A still picture of a PatchFeatures: every state's components and likeness, or the class map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from vitlens_widgets.errors import counted
from vitlens_widgets.export.stills.film import film
from vitlens_widgets.export.stills.panel import Legend, Mark, Panel
from vitlens_widgets.export.stills.piece import Piece
from vitlens_widgets.export.stills.scales import MISSING, ColorScale
from vitlens_widgets.export.stills.sheet import captioned, shares, sheet
from vitlens_widgets.export.stills.tinting import (
    CLASS_GROUND,
    CLASS_OPACITY,
    VEIL_OPACITY,
    prepared,
)
from vitlens_widgets.widgets.patch_features.shown import ShownFeatures, class_color
from vitlens_widgets.widgets.shared.still import (
    joined,
    patches_words,
    rings,
    state_words,
    token_words,
)

LIKENESS, CERTAINTY = ColorScale("blue_orange", 1.0), ColorScale("viridis", 1.0)


def draw(traits: dict[str, Any]) -> Piece:
    """Draws a widget from its traits."""
    shown, meta, state = ShownFeatures(traits), traits["_meta"], traits["state"]
    which = f"image {shown.image}, " if meta["n_images"] > 1 else ""
    subtitle = joined(meta["model_name"], patches_words(meta))
    lines = [joined(which + state_words(meta["state_names"], state), meta["caption"])]
    rows = _taught(shown, traits) if shown.teaches else _looked_at(shown, traits)
    return sheet("Patch features", subtitle, lines, *rows)


def untouched(shown: ShownFeatures) -> Panel:
    """The image."""
    return Panel(shown.picture, np.zeros((*shown.grid, 4)), "image")


def _pinned(shown: ShownFeatures) -> list[tuple[float, float, float, float]]:
    """The ring of the pinned token, where it is one of the image shown."""
    image, token = shown.pinned or (-1, None)
    return rings(shown.meta, token) if image == shown.image else []


def _looked_at(shown: ShownFeatures, traits: dict[str, Any]) -> list[list[Piece]]:
    """The chosen state large, then a film of components and one of likeness."""
    state, widths = traits["state"], shares(0.3, 0.35, 0.35)
    is_flat = traits["similarity"] == "flat"
    large = replace(coloured(shown, state), legend=groups_legend(shown, state))
    panels = [replace(untouched(shown), rings=_pinned(shown)), large]
    names = shown.state_names
    words, shares_of = colours_words(shown)
    small = [coloured(shown, k, names[k], f"{shares_of[k]:.2f}") for k in shown.states]
    rows = [_states(state, small, words)]
    if shown.pinned:
        panels.append(alike(shown, state, is_flat, legend=LIKENESS))
        image, token = shown.pinned
        of = f" of image {image}" if image != shown.image else ""
        words = f"cosine similarity to {token_words(shown.meta, token)}{of}"
        rows.append(
            _states(state, [alike(shown, k, is_flat, names[k]) for k in shown.states], words)
        )
    row = [film(width, [one], width) for width, one in zip(widths, panels, strict=False)]
    return [row, *rows]


def _states(chosen: int, panels: list[Panel], caption: str) -> list[Piece]:
    """Every state small, the chosen one marked."""
    marked = [replace(one, is_chosen=k == chosen) for k, one in enumerate(panels)]
    return [captioned(caption, film(shares(1)[0], marked))]


def colours_words(shown: ShownFeatures) -> tuple[str, np.ndarray]:
    """What the colours are, with what stands under each state, and that number."""
    if shown.n_groups:
        words = "groups of like patches; under each state: the share in the final state's group"
        return f"{shown.n_groups} {words}", shown.as_final
    words = "three main components as colours; under each state: their share of the variance"
    return words, shown.variance.sum(-1)


def groups_legend(shown: ShownFeatures, state: int) -> Legend:
    """Each group with its share of the patches in a state; none of components."""
    if not shown.n_groups:
        return ()
    return [
        (f"group {number} {100 * share:.0f}%", class_color(number - 1))
        for number, share in enumerate(shown.shares_of_groups(state), 1)
    ]


def coloured(shown: ShownFeatures, k: int, name: str = "", *notes: str) -> Panel:
    """The components of a state, or its groups."""
    if shown.n_groups:
        return replace(_grouped(shown, k, name, notes), rings=_pinned(shown))
    cover = np.concatenate([shown.colors[k], np.ones((*shown.grid, 1))], -1)
    return Panel(None, cover, name, notes, rings=_pinned(shown))


def alike(shown: ShownFeatures, k: int, is_flat: bool, name: str = "", **words: Any) -> Panel:
    """The likeness to the pinned token in a state."""
    cover = LIKENESS.cover(shown.cosine[k])
    cover[..., 3] = 1.0 if is_flat else cover[..., 3]
    ground = None if is_flat else prepared(shown.picture)
    return Panel(ground, cover, name, rings=_pinned(shown), **words)


def _taught(shown: ShownFeatures, traits: dict[str, Any]) -> list[list[Piece]]:
    """The class map large beside the image, then a film of the states."""
    state, tint = traits["state"], traits["tint"]
    right, of = shown.agreement(traits["examples_from"])
    left, beside = shares(0.6, 0.4)
    large = class_map(shown, state, tint, legend=legend_of(shown, state, tint), marks=_flags(shown))
    said = f"; {right[state]} of {of} agree when left out" if of else ""
    taught = f"classes taught by {counted(len(shown.examples), 'click')}{said}"
    caption = f"{taught}; legend: {legend_words(shown, state, tint)}"
    row = [
        captioned(caption, film(left, [large], left)),
        film(beside, [untouched(shown)], beside),
    ]
    small = [
        class_map(shown, k, tint, name, notes=[f"{right[k]} of {of}"] if of else [])
        for k, name in enumerate(shown.state_names)
    ]
    words = "the same clicks, taught and asked in every state; under each: held-out clicks"
    return [row, _states(state, small, words)]


def class_map(shown: ShownFeatures, state: int, tint: str, name: str = "", **words: Any) -> Panel:
    """The class map of a state."""
    classes, certainty = shown.classes[state], shown.certainty[state]
    n = shown.n_taught
    if tint == "certainty" or n == 1:  # of one alone, how like its examples
        cover = CERTAINTY.cover(certainty)
        return Panel(prepared(shown.picture), cover, name, regions=classes, **words)
    is_guess = certainty < (1 / n + 0.1 if n > 1 else 0)  # a map names something everywhere
    opacity = np.where(is_guess, VEIL_OPACITY, CLASS_OPACITY)
    slots = [one["slot"] for one in shown.classes_taught]
    return _in_class_colours(shown, classes, slots, opacity, name, **words)


def _grouped(shown: ShownFeatures, k: int, name: str, notes: Sequence[str]) -> Panel:
    """The groups of a state."""
    groups = shown.groups[k]
    opacity = np.full(shown.grid, CLASS_OPACITY)
    return _in_class_colours(shown, groups, range(shown.n_groups), opacity, name, notes=notes)


def _in_class_colours(
    shown: ShownFeatures,
    regions: np.ndarray,
    slots: Sequence[int],
    opacity: np.ndarray,
    name: str,
    **words: Any,
) -> Panel:
    """Patches under the colours of what they belong to, `[row, col]`, -1 for none."""
    palette = np.stack([class_color(slot) for slot in slots])
    cover = np.concatenate([palette[regions.clip(0)], opacity[..., None]], -1)
    cover = np.where((regions < 0)[..., None], [MISSING, MISSING, MISSING, 1], cover)
    return Panel(prepared(shown.picture, **CLASS_GROUND), cover, name, regions=regions, **words)


def _flags(shown: ShownFeatures) -> list[Mark]:
    """The number of each click on its patch."""
    n_prefix, n_patches = len(shown.meta["prefix"]), shown.grid[0] * shown.grid[1]
    marks = [Mark()] * n_patches
    for number, (_, image, token) in enumerate(shown.examples, 1):
        if image == shown.image:
            marks[token - n_prefix] = Mark(str(number))
    return marks


def legend_words(shown: ShownFeatures, state: int, tint: str) -> str:
    """What the numbers of the legend are, and of which state."""
    if shown.n_taught == 1:
        name = next(one["name"] for one in shown.classes_taught if one["examples"])
        return f"cosine similarity to {name}"
    at = f"at {shown.state_names[state]}"
    return f"probability of the class {at}" if tint == "certainty" else f"patches {at}"


def legend_of(shown: ShownFeatures, state: int, tint: str) -> Legend:
    """Each class with its patches' number, or the scale of certainty."""
    if tint == "certainty" or shown.n_taught == 1:
        return CERTAINTY
    classes = shown.classes[state]
    return [
        (f"{one['name']} {int((classes == index).sum())}", class_color(one["slot"]))
        for index, one in enumerate(shown.classes_taught)
    ]
