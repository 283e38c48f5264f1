"""The colours of classes, given out once for all states of an image (js/patch_grid/classes.js)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vitlens_widgets.export.stills.answers import Answers, is_background
from vitlens_widgets.export.stills.colors import CLASS_COLORS, OTHER_COLOR, bytes_of
from vitlens_widgets.export.stills.tinting import CLASS_OPACITY, VEIL_OPACITY


@dataclass(frozen=True)
class Style:
    """How a class is drawn: its colour, and whether it is hatched because colours come again."""

    color: str
    hatched: bool = False


def counts(answers: Answers, state: int | slice) -> list[tuple[int, int]]:
    """Classes with the number of patches whose first answer they are, the most frequent first."""
    top, known = answers.patches(answers.top[state, :, 0]), answers.probability[state, :, 0]
    present = top[~np.isnan(answers.patches(known))]
    index, count = np.unique(present, return_counts=True)
    return sorted(zip(index.tolist(), count.tolist(), strict=True), key=lambda c: (-c[1], c[0]))


def styles(answers: Answers) -> dict[int, Style]:
    """The style of each class but the background; first those of the final state."""
    order = [*counts(answers, answers.n_states - 1), *counts(answers, slice(None))]
    ranked = [i for i in dict.fromkeys(i for i, _ in order) if not is_background(answers.labels[i])]
    again = [Style(color, hatched=True) for color in CLASS_COLORS]
    known = [*(Style(color) for color in CLASS_COLORS), *again]
    return {i: known[n] if n < len(known) else Style(OTHER_COLOR) for n, i in enumerate(ranked)}


def paint(answers: Answers, state: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Colours, opacities and colours of stripes, `[row, col, ...]`; the background is veiled."""
    given, white = styles(answers), np.full(3, 255, np.uint8)
    top = answers.patches(answers.top[state, :, 0])
    present, place = np.unique(top, return_inverse=True)
    place = place.reshape(top.shape)
    known = [given.get(int(i)) for i in present]
    colors = np.stack([white if style is None else bytes_of(style.color) for style in known])
    opacity = np.array([VEIL_OPACITY if style is None else CLASS_OPACITY for style in known])
    is_hatched = np.array([style is not None and style.hatched for style in known])[:, None]
    stripes = np.where(is_hatched, (colors.astype(float) + 255) / 2, colors)
    return colors[place], opacity[place], stripes[place]
