"""A still picture of an Explorer: answers and attention of one image, every state, infilling."""

from __future__ import annotations

from typing import Any

from vitlens_widgets.export.stills.film import film
from vitlens_widgets.export.stills.piece import Piece
from vitlens_widgets.export.stills.sheet import INSIDE, shares, sheet
from vitlens_widgets.widgets.attention_maps.still import every_head, on_image
from vitlens_widgets.widgets.explorer.shown import ShownRuns
from vitlens_widgets.widgets.infill_strip.still import strip
from vitlens_widgets.widgets.patch_grid.still import large, states
from vitlens_widgets.widgets.shared.still import joined, patches_words, state_words


def draw(traits: dict[str, Any]) -> Piece:
    """Draws a widget from its traits, the map that is shown among them."""
    meta, runs, third = traits["_meta"], ShownRuns(traits), shares(1, 1, 1)[0]
    size = f"{meta['n_layers']} layers × {meta['n_heads']} heads"
    subtitle = joined(meta["model_name"], patches_words(meta), size)
    state = state_words(meta["state_names"], traits["state"])
    lines, maps = [joined(state, meta["caption"], runs.words)], runs.maps()
    words = {"notes": [f"{maps.words}: {maps.unit}"], "legend": maps.shown()[1]}
    first = [every_head(third, maps, runs.off), on_image(third, maps, runs.picture(), **words)]
    rows = [first]
    if traits["_labels"]:
        patches, lenses = runs.patches(), runs.lenses
        lines.append(lenses.words)
        lines += patches.answers.lines(traits["state"], traits["token"])
        rows = [[large(third, patches, traits), *first], [states(INSIDE, patches, traits)]]
        if lenses.beside is not None and not lenses.is_difference:
            rows.append([states(INSIDE, lenses.of(lenses.beside), traits)])
    if traits["_infill_meta"]:
        rows.append([film(INSIDE, strip(traits, traits["_infill_meta"], traits["infill_state"]))])
    return sheet("Explorer", subtitle, lines, *rows)
