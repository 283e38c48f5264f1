"""What a Causes shows, for still pictures: unpacked from what is sent."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np

from vitlens_widgets.export.stills.scales import ColorScale, number, probability
from vitlens_widgets.widgets.causes.answers import Compared, probabilities
from vitlens_widgets.widgets.causes.data import FIELDS
from vitlens_widgets.widgets.shared.still import joined, on_patches

ROUNDED = 0.005
"""What rounds to the end of a scale, written with two decimals, is not beyond it."""

METRIC, ESTIMATE = FIELDS.index("metric"), FIELDS.index("estimate")


class Shares(NamedTuple):
    """Shares of the way to the other run's answer."""

    values: np.ndarray
    """Exchanged for real where that is known, else the estimate."""
    is_known: np.ndarray
    """Which of them were exchanged."""


class ShownCauses:
    """The arrays of a Causes.

    Args:
        traits: The widget's traits by name.
    """

    def __init__(self, traits: dict[str, Any]) -> None:
        self.traits, self.meta, self.of = traits, traits["_meta"], traits["_of"]
        self.layers = range(self.meta["n_layers"])
        size = (2, *traits["_picture_size"], 3)
        self.pictures = np.frombuffer(traits["_picture"], "u1").reshape(size)
        self.logits = np.frombuffer(traits["_logits"], "<f4").reshape(2, -1)
        self.base = 0 if self.of["direction"] == "noising" else 1

    @functools.cached_property
    def ends(self) -> np.ndarray:
        """The logit (difference) of both images, `[2]`."""
        return Compared(self.of["target"], self.of["against"]).metric(self.logits)

    @property
    def no_gap_words(self) -> str:
        """Why there is no share of the way, as in js/causes/words.js."""
        gap = abs(float(self.ends[0] - self.ends[1]))
        same = "both images get the same answer"
        return f"the answers differ too little ({number(gap)})" if gap else same

    def share(self, metric: np.ndarray) -> np.ndarray:
        """How far a run has gone from one end to the other."""
        if not self.of["has_gap"]:
            return np.full_like(metric, np.nan)
        base, other = self.ends[self.base], self.ends[1 - self.base]
        return (base - metric) / (base - other)

    def _shares(self, name: str) -> Shares:
        by_field = np.frombuffer(self.traits[name], "<f4").astype(float)
        by_field = by_field.reshape(len(FIELDS), len(self.layers), -1)
        exact = self.share(by_field[METRIC])
        is_known = ~np.isnan(exact)
        return Shares(np.where(is_known, exact, by_field[ESTIMATE]), is_known)

    @functools.cached_property
    def parts(self) -> Shares:
        """Of each part, `[row, layer]`."""
        found = self._shares("_parts")
        return Shares(found.values.T, found.is_known.T)

    @functools.cached_property
    def _tokens(self) -> Shares:
        return self._shares("_tokens")

    @functools.cached_property
    def tokens(self) -> np.ndarray:
        """Of each patch of each state, `[layer, row, col]`; NaN where a patch was dropped."""
        return on_patches(self._tokens.values, self.meta)

    @property
    def part_scale(self) -> ColorScale:
        """-1 to 1, or half of it where no share is larger; an end that is passed says so."""
        end, values = 1.0 if _largest(self.parts) > 0.5 else 0.5, self.parts.values
        below, above = (bool((way * values > end + ROUNDED).any()) for way in (-1, 1))
        return ColorScale("blue_orange", end, is_clipped=above, is_clipped_below=below)

    @property
    def token_scale(self) -> ColorScale:
        """One for all states."""
        n_before = sum(token < len(self.meta["prefix"]) for token in self.meta["tokens"])
        most = min(2.0, _largest(Shares(*(one[:, n_before:] for one in self._tokens))))
        return ColorScale("blue_orange", max(0.02, float(np.ceil(50 * most - 1e-6)) / 50))

    @property
    def row_names(self) -> list[str]:
        """Of the map of parts."""
        heads = [f"H{head}" for head in range(self.meta["n_heads"])]
        beside = {"attention": "all heads", "mlp": "MLP"}
        return [*heads, *(beside[row] for row in self.meta["rows_beside"])]

    def label(self, index: int) -> str:
        """Of a class."""
        return self.traits["_labels"][index]

    @property
    def metric_words(self) -> str:
        """`"cat − dog"`."""
        target, against = self.of["target"], self.of["against"]
        if against is None:
            return f"logit of {self.label(target)}"
        return f"{self.label(target)} − {self.label(against)}"

    def answer_words(self, which: int) -> list[str]:
        """What an image is called, what it is answered, and its logit difference."""
        chance = probabilities(self.logits[which], self.meta["probability_kind"])
        top = int(chance.argmax())
        answer = f"{self.label(top)} {probability(float(chance[top]))}"
        return [answer, f"{self.metric_words} {number(float(self.ends[which]))}"]

    @property
    def exchange_words(self) -> str:
        """What the exchanged places are worth together, if there are any."""
        found = self.traits["_exchange"]
        together, names = found["together"], [_place_words(one) for one in found["places"]]
        if not names:
            return ""
        listed = joined("exchanged: " + ", ".join(names))
        if together is None:
            return listed
        share = float(self.share(np.array(together["metric"])))
        then = f"{self.label(together['top'])} {probability(together['probability'])}"
        return f"{listed}: together {share_words(share)} of the way, then {then}"


def _largest(shares: Shares) -> float:
    """Of what was exchanged; of the estimates as long as nothing was."""
    values = shares.values[shares.is_known] if shares.is_known.any() else shares.values
    return float(np.abs(np.nan_to_num(values)).max(initial=0))


def share_words(share: float) -> str:
    """`"0.61"`, `"−0.10"`; `"<0.01"` of either sign, as in js/causes/shades.js."""
    if share and abs(share) < 0.005:
        return "<0.01"
    return f"{share:.2f}".replace("-", "−") if share else "0"


def _place_words(place: list[Any]) -> str:
    kind, layer, *rest = place
    match kind:
        case "head":
            values = "" if rest[1] == "output" else f" {rest[1]}"
            return f"L{layer} H{rest[0]}{values}"
        case "tokens":
            tokens = rest[0]
            what = f"token {tokens[0]}" if len(tokens) == 1 else f"{len(tokens)} tokens"
            return f"{layer}_pre {what}"
        case "mlp":
            return f"L{layer} MLP"
        case _:
            return f"L{layer} all heads"
