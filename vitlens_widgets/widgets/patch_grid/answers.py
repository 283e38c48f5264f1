"""What each patch answers in each state, for still pictures: unpacked from what is sent."""

from __future__ import annotations

import functools
import itertools
import re
from typing import Any

import numpy as np

from vitlens_widgets.export.stills.colors import CLASS_COLORS, OTHER_COLOR, bytes_of
from vitlens_widgets.export.stills.scales import probability
from vitlens_widgets.widgets.shared.still import token_words


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
        self.meta: dict[str, Any] = traits["_meta"]
        self.labels: list[str] = traits["_labels"]
        self.target: int = traits["target"]
        self.emoji: list[str] = [emoji or "" for emoji in traits["_emoji"]]
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

    @property
    def word(self) -> str:
        """What people read beside a probability."""
        from vitlens_widgets.models.probabilities import word_of

        return word_of("sigmoid" if self.alone else "softmax")

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

    def words(self, state: int, token: int, places: int = 1) -> str:
        """The first answers with their probabilities, `"0.70 cat, 0.20 umbrella"`."""
        shares = self.probability[state, token, :places].tolist()
        names = [self.labels[int(i)] or "background" for i in self.top[state, token, :places]]
        pairs = [f"{probability(p)} {name}" for p, name in zip(shares, names, strict=True)]
        return "NaN" if np.isnan(shares[0]) else ", ".join(pairs)

    def lines(self, state: int, token: int | None) -> list[str]:
        """What the readout and the pinned token answer in a state, and where the target stands."""
        names = {-1: f"{self.meta['readout_name']} readout"}
        names |= {} if token is None else {token: token_words(self.meta, token)}
        kind = f"{self.word} " * self.alone
        return [
            f"{name}: {self.words(state, token, 3)}; target {self.labels[self.target]}: rank "
            f"{self.rank[state, token]}, {kind}{probability(float(self.chance[state, token]), 3)}"
            for token, name in names.items()
        ]

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
    def ranked(self) -> list[int]:
        """Classes in the order in which they are given colours; set it to share another's."""
        order = [i for state in range(self.n_states)[::-1] for i, _ in self.counts(state)]
        return [i for i in dict.fromkeys(order) if not self.is_background(i)]

    @functools.cached_property
    def colors(self) -> dict[int, np.ndarray]:
        """The colour of each class, uint8 `[3]`: the lighter ones where the browser hatches.

        They are given out once for all states, first to the classes of the final one, then of the
        one before it, as in js/patch_grid/classes.js; the background has none.
        """
        plain = [bytes_of(color) for color in CLASS_COLORS]
        lighter = [np.rint((color.astype(float) + 255) / 2).astype("u1") for color in plain]
        darker = [np.rint(0.55 * color).astype("u1") for color in plain]
        others = [bytes_of(OTHER_COLOR)] * len(self.ranked)
        return dict(zip(self.ranked, [*plain, *lighter, *darker, *others], strict=False))


def briefs(labels: list[str]) -> list[str]:
    """Labels without what all of them begin with, and without an article."""
    return [re.sub(r"^(an?|the) (?=\S)", "", name, flags=re.I) for name in _apart(labels)]


def _apart(labels: list[str]) -> list[str]:
    if len(labels) < 2:
        return labels
    first, last = min(labels), max(labels)  # if these agree, so do all between them
    pairs = zip(first[:-1], last[:-1], strict=False)
    shared = "".join(a for a, _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))
    return [name[shared.rfind(" ") + 1 :] for name in labels]
