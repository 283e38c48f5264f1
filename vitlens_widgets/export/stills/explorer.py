"""A still picture of an Explorer: answers and attention of one image, every state, infilling."""

from __future__ import annotations

from typing import Any

from vitlens_widgets.export.stills import films, heads, infill_strip, patch_grid
from vitlens_widgets.export.stills import sheet as paper
from vitlens_widgets.export.stills.answers import Answers
from vitlens_widgets.export.stills.patches import Patches
from vitlens_widgets.export.stills.sheet import INSIDE, MARGIN, Sheet

TOP, SIDE = 138, 308  # px
HEADS = INSIDE - 2 * SIDE - 48
HEADS_LEFT = MARGIN + SIDE + 24
IMAGE_LEFT = MARGIN + INSIDE - SIDE
RUNS = {
    "edited": "edited run",
    "untouched": "untouched run",
    "difference": "edited run against the untouched one",
}


def draw(state: dict[str, Any]) -> Sheet:
    """Draws a widget from its traits, the map that is shown among them."""
    sheet, meta = Sheet(), state["_meta"]
    prefix = "_edited" if state["_edited_of"] and state["run"] != "untouched" else ""
    answers, maps = Answers(state, prefix), heads.Heads(state, prefix)
    tint = state["tint"] if answers.labels else "none"
    if prefix and answers.labels and state["run"] == "difference":
        tint = "difference"
    patches = Patches(answers, tint, state["glyph"])
    subtitle = (
        f"{meta['model_name']} · {films.patches_words(meta)} · "
        f"{meta['n_layers']} layers × {meta['n_heads']} heads"
    )
    shown = films.state_words(meta["state_names"], state["state"])
    lines = " · ".join(filter(None, [shown, meta["caption"], _run_words(state)]))
    films.title(sheet, "Explorer", subtitle, lines)
    end = _views(sheet, state, patches, maps) + 24
    if answers.labels:
        end = films.film(sheet, patches, state["state"], end)
    if state["_infill_meta"]:
        infill_strip.strip(sheet, state, state["_infill_meta"], state["infill_state"], end + 20)
    return sheet


def _run_words(state: dict[str, Any]) -> str:
    """Which run is shown and what has been edited; nothing where there is one run."""
    names = ", ".join(f"L{layer} H{head}" for layer, head in state["_edited_of"])
    return f"{RUNS[state['run']]}, heads switched off: {names}" if names else ""


def _views(sheet: Sheet, state: dict[str, Any], patches: Patches, maps: heads.Heads) -> int:
    """What patches answer, every head, and where the shown one looks; returns where they end."""
    answers = patches.answers
    if answers.labels:
        patch_grid.readout(sheet, answers, 82)
        words = "what each patch answers"
        if patches.tint == "difference":
            words = "what has changed, and the new answers"
        sheet.words(MARGIN, TOP - 10, words, 13, paper.GREY)
        left_end = patch_grid.large(sheet, patches, state["state"], (MARGIN, TOP), SIDE)
    else:
        left_end = TOP
    sheet.words(HEADS_LEFT, TOP - 10, "every head, by layer and head", 13, paper.GREY, width=HEADS)
    heads_end = heads.overview(sheet, maps, (HEADS_LEFT, TOP), (HEADS, SIDE + 40))
    name = heads.map_words(maps)
    sheet.words(IMAGE_LEFT, TOP - 30, name, 13, bold=True, width=SIDE)
    image_end = heads.image(sheet, maps, answers.picture, (IMAGE_LEFT, TOP), SIDE)
    return max(left_end, heads_end, image_end)
