"""How the patches of one run look in still pictures, tinted and named."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from vitlens_widgets.export.stills.colors import CLASS_COLORS
from vitlens_widgets.export.stills.panel import Mark, Panel
from vitlens_widgets.export.stills.scales import MISSING, ColorScale, end_of_probabilities
from vitlens_widgets.export.stills.tinting import (
    CLASS_GROUND,
    CLASS_OPACITY,
    VEIL_OPACITY,
    prepared,
)
from vitlens_widgets.widgets.patch_grid.answers import Answers
from vitlens_widgets.widgets.patch_grid.data import MOST_SIGNS

MOST_CLASSES = 11  # in a legend
PLAIN = np.array([216, 216, 216], np.uint8)


class Tint(NamedTuple):
    """A tint's numbers `[state, token + readout]`, their scale (None without order), its words."""

    values: np.ndarray
    scale: ColorScale | None
    words: str


def tint_of(answers: Answers, name: str) -> Tint:
    """A tint of the widget; "class" and "none" have no scale."""
    of = f" of {answers.labels[answers.target]}"
    match name:
        case "probability":
            end = end_of_probabilities(largest(answers.patches(answers.chance)))
            return Tint(answers.chance, ColorScale("viridis", end), answers.word + of)
        case "rank":
            rank = np.where(np.isnan(answers.logit), np.nan, answers.rank)
            return Tint(rank, ColorScale("viridis", len(answers.labels), "rank"), f"rank{of}")
        case "logit":
            scale = ColorScale("blue_orange", largest(answers.logit))
            return Tint(answers.logit, scale, f"logit{of}")
        case "entropy":
            scale = ColorScale("cividis", answers.most_entropy)
            words = f"entropy{' of all yes or no' * answers.alone}, nats"
            return Tint(answers.statistic("entropy"), scale, words)
        case "kl":
            values = answers.statistic("kl")
            scale = ColorScale("cividis", largest(values))
            return Tint(values, scale, "KL to the final answer, nats")
        case _:
            words = "the most probable class" * (name == "class")
            return Tint(answers.probability, None, words)


def on_one_scale(tints: Sequence[Tint]) -> list[Tint]:
    """Tints of one kind, by several lenses, on the widest of their scales."""
    scales = [tint.scale for tint in tints if tint.scale is not None]
    if not scales:
        return list(tints)
    widest = max(scales, key=lambda scale: scale.end)
    return [tint._replace(scale=widest) for tint in tints]


def difference(own: Tint, other: Tint, names: tuple[str, str]) -> Tint:
    """What one lens's numbers exceed another's by; without an order, as it is."""
    if own.scale is None:
        return own
    values = own.values.astype(float) - other.values
    words = f"{own.words}: {names[0]} − {names[1]}"
    return Tint(values, ColorScale("blue_orange", largest(values)), words)


def largest(values: np.ndarray) -> float:
    """The largest magnitude among the patches' and the readout's."""
    finite = np.abs(values[np.isfinite(values)])
    return float(finite.max()) if finite.size else 0.0


class Patches:
    """The patches of one run, each state a panel.

    Args:
        answers: Theirs.
        tint: What colours them; without a scale but with words, their classes do.
        glyph: `"emoji"`, `"label"` or `"none"`.
        changed: Where a glyph is drawn, `[state, token + readout]`; None for all patches.
    """

    def __init__(
        self, answers: Answers, tint: Tint, glyph: str, changed: np.ndarray | None = None
    ) -> None:
        self.answers, self.tint, self.glyph, self.changed = answers, tint, glyph, changed
        self.of_classes = tint.scale is None and tint.words != ""
        self.ground = answers.picture
        if tint.words:
            self.ground = prepared(answers.picture, **(CLASS_GROUND if self.of_classes else {}))

    def panel(self, state: int, **words: Any) -> Panel:
        """A state."""
        answers = self.answers
        tokens = answers.patches(np.arange(int(answers.top.shape[1]))).ravel()
        is_fine = (
            self.of_classes and len(tokens) > MOST_SIGNS
        )  # regions say it, signs would be noise
        marks = [] if is_fine else [self._mark(state, int(token)) for token in tokens]
        regions = answers.patches(answers.top[state, :, 0]) if self.of_classes else None
        return Panel(self.ground, self._cover(state), marks=marks, regions=regions, **words)

    def legend(self, state: int) -> ColorScale | list[tuple[str, np.ndarray]]:
        """What the colours of a state say: a scale, or its classes with their patches' number."""
        if not self.of_classes:
            return self.tint.scale or []
        counts, colors = self.answers.counts(state), self.answers.colors
        keys = [
            (f"{self.answers.labels[i] or 'background'} {count}", colors.get(i, PLAIN))
            for i, count in counts[:MOST_CLASSES]
        ]
        more = len(counts) - MOST_CLASSES
        return [*keys, (f"{more} more", PLAIN)] if more > 0 else keys

    def legend_of_all(self) -> ColorScale | list[tuple[str, np.ndarray]]:
        """What the colours of every state say: the scale, or the first classes."""
        if not self.of_classes:
            return self.tint.scale or []
        labels, many = self.answers.labels, list(self.answers.colors.items())
        return [(labels[i], color) for i, color in many[: 3 * len(CLASS_COLORS)]]

    def _cover(self, state: int) -> np.ndarray:
        """Colours and opacity, `[row, col, 4]`; grey where the model gave no number."""
        answers, scale = self.answers, self.tint.scale
        missing = np.isnan(answers.patches(answers.probability[state, :, 0]))
        cover = np.zeros((*answers.grid, 4))
        if scale is not None:
            cover = scale.cover(answers.patches(self.tint.values[state]))
        elif self.of_classes:
            for at, index in np.ndenumerate(answers.patches(answers.top[state, :, 0])):
                color = answers.colors.get(int(index))
                veil = [255, 255, 255, VEIL_OPACITY]
                cover[at] = veil if color is None else [*color, CLASS_OPACITY]
        return np.where(missing[..., None], [MISSING, MISSING, MISSING, 1], cover)

    def _mark(self, state: int, token: int) -> Mark:
        answers, index = self.answers, int(self.answers.top[state, token, 0])
        share = float(answers.probability[state, token, 0])
        if self.changed is not None and not self.changed[state, token]:
            return Mark()
        if np.isnan(share):
            return Mark("NaN")
        if self.glyph == "none":
            return Mark()
        if answers.is_background(index):
            return Mark("" if self.changed is None else "○")
        if self.glyph == "label":
            return Mark(answers.labels[index])
        return Mark(answers.briefs[index], answers.emoji[index], share, is_sign=True)
