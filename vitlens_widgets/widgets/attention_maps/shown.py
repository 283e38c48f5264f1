"""The maps that an AttentionMaps shows, for still pictures: unpacked from what is sent."""

from __future__ import annotations

from typing import Any

import numpy as np

from vitlens_widgets.export.stills.scales import ColorScale
from vitlens_widgets.widgets.attention_maps.codes import MapKind, decoded
from vitlens_widgets.widgets.shared.still import on_patches, token_words

BENDS = {"linear": "linear", "sqrt": "square-root", "log": "logarithmic"}
MANY_TIMES = 20  # a log scale reaches so many times as far up and down as uniform attention
SOME_TIMES = 8  # and the others as far up


def scale_of(kind: MapKind, name: str, ranges: np.ndarray, n_tokens: int) -> ColorScale:
    """The scale that maps share.

    Args:
        kind: `"scores"` are always linear.
        name: `"log"`, `"sqrt"` or `"linear"`.
        ranges: Lo, hi and top of each map, `[map, 3]`.
        n_tokens: Keys of a query.
    """
    most, top = (float(ranges[:, i].max()) or 1.0 for i in (1, 2))
    if kind == "scores":
        return ColorScale("blue_orange", top)
    if name == "log":
        low = 10.0 ** round(np.log10(1 / MANY_TIMES / n_tokens))
        return ColorScale("magma", max(most, min(1.0, MANY_TIMES / n_tokens)), "log", low)
    bend, end = "sqrt" if name == "sqrt" else "linear", max(top, min(1.0, SOME_TIMES / n_tokens))
    return ColorScale("magma", end, bend, is_clipped=most > end)


class ShownMaps:
    """The maps of AttentionMaps, or of one run of an Explorer.

    Args:
        traits: The widget's traits by name, the map that is shown among them.
        run: The traits that hold the overview; default: the same.
        shared: The scale of the map that is shown, where others share it; default: its own.
    """

    def __init__(
        self,
        traits: dict[str, Any],
        run: dict[str, Any] | None = None,
        shared: ColorScale | None = None,
    ) -> None:
        self._shared = shared
        self.traits, self.meta, self.first = traits, traits["_meta"], traits["_first"]
        self.run = traits if run is None else run
        self.shape = (self.meta["n_layers"], self.meta["n_heads"])
        self.n_tokens = len(self.meta["tokens"])
        packed = self.run["_thumb_ranges"] or self.run["_ranges"]
        self._ranges = np.frombuffer(packed, "<f4").reshape(*self.shape, 3)

    def scale(self, kind: MapKind, own: np.ndarray, layer: int) -> ColorScale:
        """The scale of a map of a layer, shared with the maps that the widget says."""
        norm = self.traits.get("norm", "map")
        shared = {"map": own[None], "layer": self._ranges[layer], "all": self._ranges}[norm]
        return scale_of(kind, self.traits["scale"], shared.reshape(-1, 3), self.n_tokens)

    def thumbnails(self) -> np.ndarray:
        """All maps in their colours, uint8 `[layer, head, row, col, 3]`."""
        codes, kind = np.frombuffer(self.run["_codes"], "u1"), self.run["_overview_of"]["kind"]
        maps = decoded(codes.reshape(*self.shape, *[self.meta["side"]] * 2), self._ranges, kind)
        pixels = np.zeros((*maps.shape, 3), np.uint8)
        for at in np.ndindex(*self.shape):
            pixels[at] = self.scale(kind, self._ranges[at], at[0]).pixels(maps[at])
        return pixels

    def shown(self) -> tuple[np.ndarray, ColorScale]:
        """The numbers `[query, key]` of the map that is shown, and its scale."""
        kind = "pattern" if self.first["show"] == "rollout" else self.first["kind"]
        codes = np.frombuffer(self.traits["_first_codes"], "u1").reshape(self.n_tokens, -1)
        own = np.array([self.first[name] for name in ("lo", "hi", "top")])
        scale = self._shared or self.scale(kind, own, self.first["layer"])
        return decoded(codes, own, kind), scale

    def index(self, token: int | None) -> int | None:
        """The row and column of a token in the maps; None where it has none."""
        tokens = self.meta["tokens"]
        return tokens.index(token) if token in tokens else None

    def of_pinned(self) -> tuple[str, np.ndarray]:
        """What the pinned token attends to or is asked by: words, and `[row, col, 4]`.

        While nothing is pinned, the same of the readout's CLS or the patch most attended to, as in
        js/attention_maps/resting.js.
        """
        meta, is_row = self.meta, self.traits["direction"] == "to"
        anchor = self.traits["token" if is_row else "key"]
        if self.traits["token"] is None and self.traits["key"] is None:
            anchor = self._resting()
        place = self.index(anchor)
        if place is None:
            return "image", np.zeros((meta["rows"], meta["cols"], 4))
        name, (values, scale) = token_words(meta, anchor), self.shown()
        verb = "rests on" if self.first["show"] == "rollout" else "attends to"
        words = f"what {name} {verb}" if is_row else f"who {verb} {name}"
        return words, scale.cover(on_patches(values[place] if is_row else values[:, place], meta))

    def _resting(self) -> int:
        """Who asks while nobody has been chosen."""
        prefix, tokens, asks = (self.meta[name] for name in ("prefix", "tokens", "asks"))
        if self.index(asks) is not None:
            return asks
        sums = np.where(np.array(tokens) < len(prefix), -np.inf, self.shown()[0].sum(0))
        return int(tokens[int(np.nanargmax(sums))])

    def pinned_pair(self) -> list[tuple[float, float, float, float]]:
        """The pinned query's row and key's column, to be ringed, as shares of the map."""
        query, key, n = (
            self.index(self.traits["token"]),
            self.index(self.traits["key"]),
            self.n_tokens,
        )
        row = [] if query is None else [(0.0, query / n, 1.0, 1 / n)]
        return row if key is None else [*row, (key / n, 0.0, 1 / n, 1.0)]

    @property
    def unit(self) -> str:
        """What the numbers of the map are, and how they become colours."""
        scale = self.shown()[1]
        if scale.map == "blue_orange":
            return "score, before the softmax"
        what = "share of the rollout" if self.first["show"] == "rollout" else "attention weight"
        return f"{what}, {BENDS[scale.bend]} scale"

    @property
    def chosen(self) -> tuple[int, int] | None:
        """The head that is shown, if one is."""
        is_head = self.first["show"] == "head"
        return (self.first["layer"], self.first["head"]) if is_head else None

    @property
    def words(self) -> str:
        """`"Layer 3, head 0"`."""
        layer = self.first["layer"]
        if self.first["show"] == "rollout":
            return f"Rollout of layers 0 to {layer}"
        head = "mean over heads" if self.first["show"] == "mean" else f"head {self.first['head']}"
        return f"Layer {layer}, {head}"
