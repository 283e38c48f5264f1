"""A still picture of an Explorer: answers and attention of one image, every state, infilling."""

from __future__ import annotations

from typing import Any

import numpy as np

from vitlens_widgets.export.stills.sheet import INSIDE, MARGIN, Sheet
from vitlens_widgets.export.stills.words import GREY
from vitlens_widgets.widgets.attention_maps import still as attention
from vitlens_widgets.widgets.infill_strip import still as infilling
from vitlens_widgets.widgets.patch_grid import still as patch_grid
from vitlens_widgets.widgets.patch_grid.answers import Answers
from vitlens_widgets.widgets.shared.still import joined, patches_words, state_words

TOP, SIDE = 150, 308  # px
HEADS_LEFT, IMAGE_LEFT = MARGIN + SIDE + 24, MARGIN + INSIDE - SIDE
HEADS = IMAGE_LEFT - HEADS_LEFT - 24
RUNS = {
    "edited": "edited run",
    "baseline": "baseline run",
    "difference": "edited run against the baseline",
}


def draw(traits: dict[str, Any]) -> Sheet:
    """Draws a widget from its traits, the map that is shown among them."""
    sheet, meta = Sheet(), traits["_meta"]
    size = f"{meta['n_layers']} layers × {meta['n_heads']} heads"
    shown = state_words(meta["state_names"], traits["state"])
    lines = joined(shown, meta["caption"], _run_words(traits))
    sheet.title("Explorer", joined(meta["model_name"], patches_words(meta), size), lines)
    lefts = (HEADS_LEFT, IMAGE_LEFT) if traits["_labels"] else (MARGIN, HEADS_LEFT)
    end = _attention(sheet, traits, *lefts)
    if traits["_labels"]:
        end = _answers(sheet, traits, end)
    if traits["_infill_meta"]:
        infill_meta, chosen = traits["_infill_meta"], traits["infill_state"]
        infilling.strip(sheet, traits, infill_meta, chosen, end + 20)
    return sheet


def of_run(traits: dict[str, Any], run: str) -> dict[str, Any]:
    """The arrays of one run, `"baseline"` or `"edited"`."""
    bundles = [traits[f"_{run}_{part}"] for part in ("answers", "target", "maps")]
    return {name: array for bundle in bundles for name, array in bundle.items()}


def shown_run(traits: dict[str, Any]) -> dict[str, Any]:
    """The arrays of the run that is shown."""
    is_edited = _off(traits) and traits["run"] != "baseline"
    return of_run(traits, "edited" if is_edited else "baseline")


def _off(traits: dict[str, Any]) -> list[list[int]]:
    """The heads that the edited run is without."""
    return traits["_edited_answers"].get("off", [])


def patches_of(traits: dict[str, Any]) -> patch_grid.Patches:
    """The patches of the run that is shown, or what it has changed."""
    answers = Answers(traits, shown_run(traits))
    if not _off(traits) or traits["run"] != "difference":
        return patch_grid.Patches(answers, traits["tint"], traits["glyph"])
    nats = np.frombuffer(shown_run(traits)["_divergence"], "<f4").reshape(answers.n_states, -1)
    before = Answers(traits, of_run(traits, "baseline"))
    changed = answers.top[..., 0] != before.top[..., 0]
    return patch_grid.Patches(answers, "difference", traits["glyph"], nats, changed)


def _attention(sheet: Sheet, traits: dict[str, Any], heads_left: int, left: int) -> float:
    """Every head, and where the chosen one looks; returns where they end."""
    baseline = of_run(traits, "baseline")
    maps = attention.ShownMaps(traits | baseline, shown_run(traits))
    off, room = [tuple(pair) for pair in _off(traits)], (HEADS, SIDE + 40)
    end = attention.every_head(sheet, maps, (heads_left, TOP), room, off=off)
    sheet.words(left, TOP - 28, maps.words, 13, bold=True, width=SIDE)
    picture, scale = Answers(traits, baseline).picture, maps.shown()[1]
    y = attention.image(sheet, maps, picture, (left, TOP), SIDE)
    sheet.words(left, y + 20, "attention weight", 12, GREY)
    sheet.ramp(left, y + 30, SIDE, scale.colors, scale.ticks)
    return max(end, y + 56)


def _answers(sheet: Sheet, traits: dict[str, Any], end: float) -> float:
    """What patches answer, in the chosen state and in all; returns where they end."""
    patches = patches_of(traits)
    patch_grid.first_answers(sheet, patches.answers, traits["state"], traits["token"], 80)
    is_difference = patches.tint == "difference"
    words = "what has changed, and the new answers" if is_difference else "what each patch answers"
    sheet.words(MARGIN, TOP - 10, words, 13, GREY)
    at = (MARGIN, TOP)
    left_end = patch_grid.large(sheet, patches, traits["state"], traits["token"], at, SIDE)
    return patch_grid.states(sheet, patches, traits, (MARGIN, max(end, left_end) + 32), INSIDE)


def _run_words(traits: dict[str, Any]) -> str:
    """Which run is shown and what has been edited; nothing where there is one run."""
    names = ", ".join(f"L{layer} H{head}" for layer, head in _off(traits))
    return f"{RUNS[traits['run']]}, heads switched off: {names}" if names else ""
