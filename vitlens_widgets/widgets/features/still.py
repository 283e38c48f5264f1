"""A still picture of a Features: what the chosen feature fires on, its tenths and its counts."""

from __future__ import annotations

from typing import Any

import numpy as np

from vitlens_widgets.export.stills.curve import Curve, curves
from vitlens_widgets.export.stills.film import film
from vitlens_widgets.export.stills.panel import Panel
from vitlens_widgets.export.stills.piece import Piece
from vitlens_widgets.export.stills.sheet import INSIDE, captioned, sheet
from vitlens_widgets.widgets.features.shown import ShownFeature
from vitlens_widgets.widgets.shared.still import joined

TICKS = 5
"""Numbers on the axis of activations."""


def draw(traits: dict[str, Any]) -> Piece:
    """Draws a widget from its traits."""
    found = ShownFeature(traits)
    meta = found.meta
    of = joined(meta["model_name"], meta["site"], f"{meta['n_data']:,} images", meta["caption"])
    lines = [joined(found.name, found.classes, numbers_words(found)), *writes_words(found)]
    images, tenths = strongest(found), by_tenth(found)
    rows = [
        [captioned("fires most on; colour where it fires", film(INSIDE, images))] if images else [],
        [captioned("one patch of each tenth of what is above 0", film(INSIDE, tenths))]
        if tenths
        else [],
        [histogram(INSIDE, found)],
    ]
    return sheet("Features", of, lines, *rows)


def numbers_words(found: ShownFeature) -> str:
    """How strong and how often it fires."""
    _, largest, density, *_ = found.own.tolist()
    if not largest > 0:
        return "never above 0 on these images"
    return f"largest {largest:.3g} · fires on {100 * density:.2g} % of patches"


def writes_words(found: ShownFeature) -> list[str]:
    """What it promotes and suppresses, in a line."""
    said, _ = found.look("writes")
    if "why" in said:
        return []
    parts = [f"{name} {logit:+.3f}".replace("-", "−") for name, _, logit in said["up"]]
    parts += [f"{name} {logit:+.3f}".replace("-", "−") for name, _, logit in said["down"]]
    return [f"writes, logits per 1 of activation: {', '.join(parts)}"]


def strongest(found: ShownFeature) -> list[Panel]:
    """The images that it fires most on."""
    from vitlens_widgets.analysis.activations.spotlight import spotlight

    values = found.look("sheet")[1]["values"]
    return [
        Panel(
            spotlight(picture, at.astype(float), float(values[0])),
            np.zeros((*at.shape, 4)),
            f"strongest {place + 1}",
            [f"{values[place]:.2f}"],
        )
        for place, (picture, at) in enumerate(zip(found.images, found.maps, strict=True))
    ]


def by_tenth(found: ShownFeature) -> list[Panel]:
    """A patch of each tenth of its activations above 0, in a ring."""
    panels = list[Panel]()
    for place, (picture, value, (row, col, across)) in enumerate(zip(*found.tenths, strict=True)):
        ring = (col / across, row / across, 1 / across, 1 / across)
        bare = np.zeros((across, across, 4))
        panels.append(Panel(picture, bare, f"tenth {place + 1}", [f"{value:.2f}"], rings=[ring]))
    return panels


def histogram(width: int, found: ShownFeature) -> Piece:
    """How many patches have each activation."""
    edges, counts, silent = found.counts
    places = (np.arange(len(counts)) + 0.5) / len(counts)
    shown = np.unique(np.linspace(0, len(edges) - 1, min(TICKS, len(edges))).round().astype(int))
    ticks = [(float(places[i]), f"{edges[i]:.2g}") for i in shown]
    of = Curve("patches, log10 (1 + count)", places, np.log10(1 + counts), "#1b1b1b")
    end = float(max(1.0, np.log10(1 + counts).max()))
    words = f"activations above 0, log scale; {100 * silent:.1f} % of patches at most 0"
    return captioned(words, curves(width, [of], ticks, end=end))
