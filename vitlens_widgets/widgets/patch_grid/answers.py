"""What each patch answers in each state, for still pictures: unpacked from what is sent."""

from __future__ import annotations

import functools
import itertools
from typing import Any

import numpy as np

from vitlens_widgets.export.stills.colors import CLASS_COLORS, OTHER_COLOR, bytes_of
from vitlens_widgets.export.stills.tinting import CLASS_OPACITY, VEIL_OPACITY


class Answers:
    """The arrays of one run; in each the readout stands after the last token.

    Args:
        traits: The widget's traits by name.
        run: The traits that hold this run's arrays; default: the same.

    Attributes:
        meta: Names and sizes.
        labels: Names of the classes.
        emoji: Theirs, or nothing.
        target: The class asked about.
        alone: Each class is a yes or a no (sigmoid), not one among all (softmax).
        top: The most probable classes, `[state, token + readout, place]`.
        probability: Theirs; NaN where the model gave no number.
    """

    def __init__(self, traits: dict[str, Any], run: dict[str, Any] | None = None) -> None:
        self.meta, self.labels, self.target = traits["_meta"], traits["_labels"], traits["target"]
        self.emoji = [emoji or "" for emoji in traits["_emoji"]]
        self.alone = self.meta.get("probabilities") == "sigmoid"  # none without a classifier
        self.n_states = len(self.meta["state_names"])
        self.grid = (self.meta["rows"], self.meta["cols"])
        size = (self.meta["height"], self.meta["width"], 3)
        self.picture = np.frombuffer(traits["_picture"], "u1").reshape(size)
        self._run = traits if run is None else run
        places = self.meta["n_answers"]
        self.top = self._array("_top_index", f"<i{self.meta['id_bytes']}", places)
        self.probability = self._array("_top_probability", "<f4", places)

    def _array(self, name: str, kind: str, *last: int) -> np.ndarray:
        packed = np.frombuffer(self._run[name], kind)
        return packed.reshape(self.n_states, -1, *last) if packed.size else packed

    def statistic(self, name: str) -> np.ndarray:
        """`"entropy"` or `"kl"` (nats), `"logsumexp"`: `[state, token + readout]`."""
        return self._array(f"_{name}", "<f4")

    @functools.cached_property
    def logit(self) -> np.ndarray:
        """The target's logit, `[state, token + readout]`."""
        return self._logits[..., self.target] if len(self._logits) else self._column("logit", "<f4")

    @functools.cached_property
    def rank(self) -> np.ndarray:
        """The target's rank, 1 for the best, `[state, token + readout]`."""
        if not len(self._logits):
            return self._column("rank", "<i4")
        return 1 + (self._logits > self.logit[..., None]).sum(-1)

    @property
    def most_entropy(self) -> float:
        """The largest that the entropy can be, in nats."""
        n_classes = len(self.labels)
        return float(n_classes * np.log(2) if self.alone else np.log(n_classes))

    @functools.cached_property
    def chance(self) -> np.ndarray:
        """The target's probability, `[state, token + readout]`."""
        if self.alone:
            return np.exp(-np.logaddexp(0, -self.logit.astype(float)))
        return np.exp(self.logit.astype(float) - self.statistic("logsumexp"))

    @functools.cached_property
    def _logits(self) -> np.ndarray:
        """All logits `[state, token + readout, class]`, or nothing where they are too many."""
        return self._array("_logits", "<f4", len(self.labels))

    def _column(self, name: str, kind: str) -> np.ndarray:
        return self._array(f"_target_{name}", kind)

    def patches(self, column: np.ndarray) -> np.ndarray:
        """`[..., token + readout]` -> `[..., row, col]`."""
        of_patches = column[..., len(self.meta["prefix"]) : -1]
        return of_patches.reshape(*column.shape[:-1], *self.grid)

    def is_background(self, index: int) -> bool:
        """Nothing is there."""
        return self.labels[index].strip().lower() in ("", "background")

    @functools.cached_property
    def briefs(self) -> list[str]:
        """The labels without what all of them begin with: "7" of "class 7"."""
        return briefs(self.labels)

    def counts(self, states: int | slice) -> list[tuple[int, int]]:
        """Classes with the number of patches that answer them first, the most frequent first."""
        known = ~np.isnan(self.patches(self.probability[states, :, 0]))
        index, count = np.unique(self.patches(self.top[states, :, 0])[known], return_counts=True)
        found = zip(index.tolist(), count.tolist(), strict=True)
        return sorted(found, key=lambda pair: (-pair[1], pair[0]))

    @functools.cached_property
    def colors(self) -> dict[int, np.ndarray]:
        """The colour of each class and that of its stripes, uint8 `[2, 3]`.

        They are given out once for all states, first to the classes of the final one, as in
        js/patch_grid/classes.js; the background has none.
        """
        order = [*self.counts(self.n_states - 1), *self.counts(slice(None))]
        ranked = [i for i in dict.fromkeys(i for i, _ in order) if not self.is_background(i)]
        plain = [np.stack([bytes_of(color)] * 2) for color in CLASS_COLORS]
        hatched = [np.stack([a, (a.astype(float) + 255) / 2]).astype("u1") for a, _ in plain]
        rest = itertools.repeat(np.stack([bytes_of(OTHER_COLOR)] * 2))
        return dict(zip(ranked, itertools.chain(plain, hatched, rest), strict=False))

    def class_paint(self, state: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Colours, opacities and colours of stripes, `[row, col, ...]`; background is veiled."""
        top = self.patches(self.top[state, :, 0])
        present, place = np.unique(top, return_inverse=True)
        place = place.reshape(top.shape)
        white = np.full((2, 3), 255, "u1")
        colors = np.stack([self.colors.get(int(i), white) for i in present])
        covers = [CLASS_OPACITY if int(i) in self.colors else VEIL_OPACITY for i in present]
        return colors[place, 0], np.array(covers)[place], colors[place, 1]


def briefs(labels: list[str]) -> list[str]:
    """Labels without what all of them begin with."""
    if len(labels) < 2:
        return labels
    first, last = min(labels), max(labels)  # if these agree, so do all between them
    pairs = zip(first[:-1], last[:-1], strict=False)
    shared = "".join(a for a, _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))
    return [name[shared.rfind(" ") + 1 :] for name in labels]
