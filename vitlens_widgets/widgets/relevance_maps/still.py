"""A still picture of RelevanceMaps: every head small, each class's map on the image, the curves."""

from __future__ import annotations

from typing import Any

import numpy as np

from vitlens_widgets.export.stills.curve import Curve, curves
from vitlens_widgets.export.stills.film import film
from vitlens_widgets.export.stills.overview import overview
from vitlens_widgets.export.stills.panel import Panel
from vitlens_widgets.export.stills.paper import blank
from vitlens_widgets.export.stills.piece import Piece
from vitlens_widgets.export.stills.scales import probability
from vitlens_widgets.export.stills.sheet import captioned, shares, sheet
from vitlens_widgets.export.stills.tinting import prepared
from vitlens_widgets.widgets.relevance_maps.shown import ANY_CLASS, ShownRelevance
from vitlens_widgets.widgets.shared.still import joined, patches_words, rings

KINDS = (
    ("least relevant first", "#0072B2", None),
    ("most relevant first", "#D55E00", (7, 11)),
    ("random orders", "#6b6b6b", (2, 6)),
)
"""In the order in which the curves are sent."""


def draw(traits: dict[str, Any]) -> Piece:
    """Draws a widget from its traits."""
    found, meta = ShownRelevance(traits), traits["_meta"]
    which = f"image {found.of['image']}" if meta["n_images"] > 1 else ""
    subtitle = joined(meta["model_name"], patches_words(meta), which)
    (left, right), thumbnails = shares(0.29, 0.71), found.thumbnails()
    row = [captioned("", film(right, class_maps(found), 340))]
    if thumbnails is not None:
        heads = overview(left, thumbnails, found.chosen, last="sum")
        row.insert(0, captioned("every head, and each layer's sum", heads))
    below = [removal_curve(found, of, shares(1, 1)[0]) for of in range(found.n_classes)]
    return sheet("Relevance", subtitle, [joined(found.words, meta["caption"])], row, below)


def class_maps(found: ShownRelevance) -> list[Panel]:
    """Each map that is shown on the image, with its class and its legend."""
    traits, layer, head = found.traits, found.traits["layer"], found.traits["head"]
    picture = np.frombuffer(traits["_picture"], "u1").reshape(*traits["_picture_size"], 3)
    ground, pinned = prepared(picture), rings(found.meta, traits["token"])
    panels: list[Panel] = []
    for which, values in enumerate(found.maps(found.show, layer, head)):
        scale = found.scale(which, found.show, layer, head)
        cover, name = scale.cover(values), found.names[which]
        panels.append(Panel(ground, cover, name, rings=pinned, legend=scale))
    return panels


def removal_curve(found: ShownRelevance, of: int, width: int) -> Piece:
    """A class's removal curves as far as they are known."""
    about = found.traits["_curves_of"]
    labels, index = found.traits["_labels"], about["against" if of else "target"]
    name = labels[index] if labels else ANY_CLASS
    if about["refused"] or not about["done"]:
        words = about["refused"] or f"removal curve of {name}: not computed yet"
        return captioned(words, blank(width, 1))
    values = np.frombuffer(found.traits["_curves"], "<f4").reshape(found.n_classes, len(KINDS), -1)
    removed = np.array(about["removed"])
    many: list[Curve] = []
    for (kind, color, dash), numbers in zip(KINDS, values[of].astype(float), strict=True):
        if np.isfinite(numbers).any():
            is_whole = np.isfinite(numbers).all()
            mean = f", mean {probability(float(numbers.mean()))}" if is_whole else ""
            many.append(Curve(kind + mean, removed, numbers, color, dash))
    ticks = [(share, f"{100 * share:g} %") for share in (0, 0.5, 1)]
    return captioned(f"p({name}) as patches go", curves(width, many, ticks))
