"""What each lens of a widget answers, for still pictures: one is shown, another beside it."""

from __future__ import annotations

from typing import Any

import numpy as np

from vitlens_widgets.widgets.patch_grid.answers import Answers
from vitlens_widgets.widgets.patch_grid.patches import Patches, difference, on_one_scale, tint_of


class ShownLenses:
    """The answers by every lens, on one scale and with one colour for each class.

    Args:
        traits: The widget's traits by name.
        answers: By the names of the lenses.

    Attributes:
        names: Of the lenses; one where there are not several.
        lens: The one that is shown.
        beside: The one it is compared with, or None.
        is_difference: Whether the difference of the two is shown.
        answers: By lens.
    """

    def __init__(self, traits: dict[str, Any], answers: dict[str, Answers]) -> None:
        self.names = list(answers)
        self.lens: str = traits["lens"] if len(self.names) > 1 else self.names[0]
        self.beside: str | None = traits["beside"]
        self.is_difference: bool = traits["difference"] and self.beside is not None
        self.answers = answers
        self._share_colors()
        every = on_one_scale([tint_of(one, traits["tint"]) for one in self.answers.values()])
        self._tints = dict(zip(self.names, every, strict=True))
        self._glyph: str = traits["glyph"]

    @classmethod
    def of_grid(cls, traits: dict[str, Any]) -> ShownLenses:
        """Those of a PatchGrid."""
        meta, others = traits["_meta"], traits["_others"]
        names: list[str] = meta.get("lenses") or [meta["lens_name"]]
        return cls(traits, {name: Answers(traits, others.get(name)) for name in names})

    @property
    def words(self) -> str:
        """Which lens is shown and with which it is compared; "" of one alone."""
        if len(self.names) == 1:
            return ""
        if self.beside is None:
            return self.lens
        return f"{self.lens}, {'less' if self.is_difference else 'and under it'} {self.beside}"

    def _share_colors(self) -> None:
        """Classes are ranked over all lenses, state by state from the last, as in classes.js."""
        every = list(self.answers.values())
        n_states = every[0].n_states
        pairs = (one.counts(state) for state in range(n_states)[::-1] for one in every)
        order = dict.fromkeys(index for counts in pairs for index, _ in counts)
        for one in every:
            one.ranked = [index for index in order if not one.is_background(index)]

    @property
    def shown(self) -> Patches:
        """The patches of the lens that is shown, or how far it is from the other."""
        if not self.is_difference or self.beside is None:
            return self.of(self.lens)
        own, other = self.answers[self.lens], self.answers[self.beside]
        tint = difference(
            self._tints[self.lens], self._tints[self.beside], (self.lens, self.beside)
        )
        changed = own.top[..., 0] != other.top[..., 0]
        is_ordered = tint.scale is not None
        return Patches(own, tint, self._glyph, changed if is_ordered else None)

    def of(self, lens: str) -> Patches:
        """Those of a lens."""
        return Patches(self.answers[lens], self._tints[lens], self._glyph)

    def curve(self, lens: str, token: int) -> np.ndarray:
        """What a lens says of a token, by state: the tint's quantity where it is a linear one."""
        values = self._tints[lens].values if self._is_drawn else self.answers[lens].chance
        return np.asarray(values[:, token], float)

    @property
    def curve_words(self) -> str:
        """What the curves are of."""
        answers = self.answers[self.lens]
        of_target = f"{answers.word} of {answers.labels[answers.target]}"
        return self._tints[self.lens].words if self._is_drawn else of_target

    @property
    def _is_drawn(self) -> bool:
        """Ranks stand on a logarithm, which these axes are not; classes have no order."""
        scale = self._tints[self.lens].scale
        return scale is not None and scale.bend == "linear"
