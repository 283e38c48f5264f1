"""What each patch answers in each state, unpacked from what a widget sends to the browser."""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Answers:
    """The arrays of a PatchGrid or an Explorer; the readout stands after the last token.

    Attributes:
        state: The widget's traits by name.
        prefix: Before the names of the arrays: `""`, or `"_edited"` for those of an edited run.
    """

    state: dict[str, Any]
    prefix: str = ""

    @property
    def meta(self) -> dict[str, Any]:
        """Names and sizes."""
        return self.state["_meta"]

    @property
    def labels(self) -> list[str]:
        """Names of the classes."""
        return self.state["_labels"]

    @property
    def n_states(self) -> int:
        """How many states there are."""
        return len(self.meta["state_names"])

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of patches."""
        return self.meta["rows"], self.meta["cols"]

    @functools.cached_property
    def picture(self) -> np.ndarray:
        """The image, uint8 `[height, width, 3]`."""
        size = (self.meta["height"], self.meta["width"], 3)
        return np.frombuffer(self.state["_picture"], "u1").reshape(size)

    @functools.cached_property
    def top(self) -> np.ndarray:
        """The most probable classes, `[state, token + readout, place]`."""
        return self._array("_top_index", f"<i{self.meta['id_bytes']}", self.meta["n_answers"])

    @functools.cached_property
    def probability(self) -> np.ndarray:
        """Their probabilities; NaN where the model gave no number."""
        return self._array("_top_probability", "<f4", self.meta["n_answers"])

    def statistic(self, name: str) -> np.ndarray:
        """`"entropy"` or `"kl"` (nats), `"logsumexp"`: `[state, token + readout]`."""
        return self._array(f"_{name}", "<f4")

    @functools.cached_property
    def logit(self) -> np.ndarray:
        """The target's logit, `[state, token + readout]`."""
        if not len(self._logits):
            return self._array("_target_logit", "<f4")
        return self._logits[..., self.state["target"]]

    @functools.cached_property
    def rank(self) -> np.ndarray:
        """The target's rank, 1 for the best, `[state, token + readout]`."""
        if not len(self._logits):
            return self._array("_target_rank", "<i4")
        return 1 + (self._logits > self.logit[..., None]).sum(-1)

    @functools.cached_property
    def chance(self) -> np.ndarray:
        """The target's probability, `[state, token + readout]`."""
        return np.exp(self.logit.astype(float) - self.statistic("logsumexp"))

    @functools.cached_property
    def _logits(self) -> np.ndarray:
        """All logits `[state, token + readout, class]`, or nothing where they are too many."""
        return self._array("_logits", "<f4", len(self.labels))

    @functools.cached_property
    def divergence(self) -> np.ndarray:
        """KL of an Explorer's edited run from its untouched one, `[state, token + readout]`."""
        return Answers(self.state)._array("_divergence", "<f4")

    @functools.cached_property
    def changed(self) -> np.ndarray:
        """Where the first answer is not that of the untouched run, `[state, token + readout]`."""
        return self.top[..., 0] != Answers(self.state).top[..., 0]

    def patches(self, column: np.ndarray) -> np.ndarray:
        """`[..., token + readout]` -> `[..., row, col]`."""
        of_patches = column[..., len(self.meta["prefix"]) : -1]
        return of_patches.reshape(*column.shape[:-1], *self.grid)

    def emoji(self, index: int) -> str:
        """A class's emoji, or nothing."""
        given = self.state["_emoji"]
        return given[index] or "" if index < len(given) else ""

    @functools.cached_property
    def briefs(self) -> list[str]:
        """The labels without what all of them begin with: "7" of "class 7"."""
        if len(self.labels) < 2:
            return self.labels
        parts = [name[:-1] for name in self.labels]
        ends = zip(min(parts), max(parts), strict=False)  # if these agree, so do all between them
        shared = "".join(a for a, _ in itertools.takewhile(lambda pair: pair[0] == pair[1], ends))
        return [name[shared.rfind(" ") + 1 :] for name in self.labels]

    def token_words(self, token: int | None) -> str:
        """`"CLS"`, `"row 2, col 5"`; without a token, the readout."""
        names = self.meta["prefix"]
        if token is None:
            return f"{self.meta['readout_name']} readout"
        if token < len(names):
            return names[token]
        row, col = divmod(token - len(names), self.meta["cols"])
        return f"row {row}, col {col}"

    def _array(self, name: str, kind: str, *last: int) -> np.ndarray:
        packed = np.frombuffer(self.state[self.prefix + name], kind)
        if not packed.size:
            return packed
        return packed.reshape(self.n_states, -1, *last)


def is_background(name: str) -> bool:
    """Nothing is there."""
    return name.strip().lower() in ("", "background")
