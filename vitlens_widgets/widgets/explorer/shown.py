"""The runs that an Explorer shows, for still pictures: unpacked from what is sent."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from vitlens_widgets.export.stills.scales import ColorScale
from vitlens_widgets.widgets.attention_maps.shown import ShownMaps
from vitlens_widgets.widgets.patch_grid.answers import Answers
from vitlens_widgets.widgets.patch_grid.patches import Patches, Tint, largest
from vitlens_widgets.widgets.patch_grid.shown import ShownLenses

RUNS = {
    "edited": "edited run",
    "baseline": "baseline run",
    "difference": "edited run against the baseline",
}


class ShownRuns:
    """The baseline, and the one without some heads.

    Args:
        traits: The widget's traits by name, the map that is shown among them.

    Attributes:
        off: Layer and head of those that the edited run is without.
        words: Which run is shown and what has been edited; "" where there is one run.
    """

    def __init__(self, traits: dict[str, Any]) -> None:
        self.traits, self.run = traits, traits["run"]
        self.off = [tuple(pair) for pair in traits["_edited_answers"].get("off", [])]
        names = ", ".join(f"L{layer} H{head}" for layer, head in self.off)
        self.words = f"{RUNS[self.run]}, heads switched off: {names}" if self.off else ""
        self._shown_run = "edited" if self.off and self.run != "baseline" else "baseline"
        self.baseline, self.shown = self._arrays("baseline"), self._arrays(self._shown_run)

    def _arrays(self, run: str, lens: str | None = None) -> dict[str, Any]:
        """What a lens reads in a run; the one that is shown unless said otherwise."""
        others: dict[str, Any] = self.traits["_others"]
        of_lens = others.get(lens or self.traits["lens"], self.traits)
        bundles = [of_lens[f"_{run}_{part}"] for part in ("answers", "target")]
        bundles.append(self.traits[f"_{run}_maps"])
        return {name: array for bundle in bundles for name, array in bundle.items()}

    @functools.cached_property
    def lenses(self) -> ShownLenses:
        """What every lens answers in the run that is shown."""
        names = self.traits["_meta"]["lenses"] or [self.traits["lens"]]
        arrays = {name: self._arrays(self._shown_run, name) for name in names}
        return ShownLenses(
            self.traits, {name: Answers(self.traits, one) for name, one in arrays.items()}
        )

    def maps(self) -> ShownMaps:
        """Attention in the run that is shown."""
        return ShownMaps(self.traits | self.baseline, self.shown)

    def picture(self) -> np.ndarray:
        """The image, uint8 `[height, width, 3]`."""
        return Answers(self.traits, self.baseline).picture

    def patches(self) -> Patches:
        """The patches of the run that is shown, or what it has changed."""
        answers, glyph = Answers(self.traits, self.shown), self.traits["glyph"]
        if not self.off or self.run != "difference":
            return self.lenses.shown
        nats = np.frombuffer(self.shown["_divergence"], "<f4").reshape(answers.n_states, -1)
        words = "KL from the baseline run, nats"
        changed = answers.top[..., 0] != Answers(self.traits, self.baseline).top[..., 0]
        tint = Tint(nats, ColorScale("cividis", largest(nats)), words)
        return Patches(answers, tint, glyph, changed)
