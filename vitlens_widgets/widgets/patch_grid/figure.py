"""What a PatchGrid can put in a figure: the image, and every state."""

from __future__ import annotations

from typing import Any

import numpy as np

from vitlens_widgets.export.figures.parts import FigurePart, FigureParts, Shared
from vitlens_widgets.export.stills.panel import Panel
from vitlens_widgets.export.stills.scales import ColorScale
from vitlens_widgets.widgets.patch_grid.answers import Answers
from vitlens_widgets.widgets.patch_grid.patches import Patches, tint_of
from vitlens_widgets.widgets.shared.still import rings


def figure_parts(traits: dict[str, Any], shared: Shared | None = None) -> FigureParts:
    """Its panels, from its traits, on a scale or with colours that others share."""
    answers = Answers(traits)
    tint = tint_of(answers, traits["tint"])
    patches, names = Patches(answers, tint, traits["glyph"]), answers.meta["state_names"]
    share(patches, shared)
    image = Panel(answers.picture, np.zeros((*answers.grid, 4)), "image")
    return FigureParts(
        {"image": image} | states(patches, traits),
        ["image", *names],
        names,
        patches.legend_of_all(),
        patches.tint.words,
        shared_of(patches),
    )


def states(patches: Patches, traits: dict[str, Any]) -> dict[str, FigurePart]:
    """Every state by its name, with what is pinned."""
    meta = patches.answers.meta
    pinned = rings(meta, traits["token"])
    return {
        name: patches.panel(i, name=name, rings=pinned)
        for i, name in enumerate(meta["state_names"])
    }


def share(patches: Patches, shared: Shared | None) -> None:
    """Gives patches a scale, or the order in which classes get their colours."""
    if isinstance(shared, ColorScale):
        patches.tint = patches.tint._replace(scale=shared)
    elif shared is not None:
        index = {name: i for i, name in enumerate(patches.answers.labels)}
        patches.answers.ranked = [index[name] for name in shared]


def shared_of(patches: Patches) -> Shared | None:
    """What the panels can share with others."""
    if patches.of_classes:
        return [patches.answers.labels[i] for i in patches.answers.ranked]
    return patches.tint.scale
