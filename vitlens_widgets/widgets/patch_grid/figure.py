"""What a PatchGrid can put in a figure: the image, and every state."""

from __future__ import annotations

from typing import Any

import numpy as np

from vitlens_widgets.export.figures.parts import FigurePart, FigureParts, Shared
from vitlens_widgets.export.stills.panel import Panel
from vitlens_widgets.export.stills.scales import ColorScale
from vitlens_widgets.widgets.patch_grid.patches import Patches
from vitlens_widgets.widgets.patch_grid.shown import ShownLenses
from vitlens_widgets.widgets.shared.still import rings


def figure_parts(traits: dict[str, Any], shared: Shared | None = None) -> FigureParts:
    """Its panels, from its traits, on a scale or with colours that others share.

    Of several lenses, the states of each stand under the state's name and the lens's, as
    `"3_pre, tuned lens"`.
    """
    lenses = ShownLenses.of_grid(traits)
    patches, answers = lenses.shown, lenses.answers[lenses.lens]
    names = answers.meta["state_names"]
    share(patches, shared)
    parts: dict[str, FigurePart] = {
        "image": Panel(answers.picture, np.zeros((*answers.grid, 4)), "image")
    } | states(patches, traits)
    default = ["image", *names]
    for lens in lenses.names if len(lenses.names) > 1 else ():
        of_lens = lenses.of(lens)
        if not lenses.is_difference:
            share(of_lens, shared)
        parts |= states(of_lens, traits, f", {lens}")
        if lens == lenses.beside and not lenses.is_difference:
            default += [f"{name}, {lens}" for name in names]
    return FigureParts(
        parts,
        default,
        names,
        patches.legend_of_all(),
        patches.tint.words,
        shared_of(patches),
    )


def states(patches: Patches, traits: dict[str, Any], of_lens: str = "") -> dict[str, FigurePart]:
    """Every state by its name, with what is pinned; behind the name may stand that of a lens."""
    meta = patches.answers.meta
    pinned = rings(meta, traits["token"])
    return {
        f"{name}{of_lens}": patches.panel(i, name=f"{name}{of_lens}", rings=pinned)
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
