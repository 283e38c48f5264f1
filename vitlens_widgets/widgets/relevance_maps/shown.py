"""The relevance that a RelevanceMaps shows, for still pictures: unpacked from what is sent."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from vitlens_widgets.export.stills.scales import ColorScale, probability
from vitlens_widgets.widgets.shared.still import joined, on_patches

ANY_CLASS = "any class"
"""What knows no class is said to be of, where there is none to name."""


class ShownRelevance:
    """The arrays of a RelevanceMaps.

    Args:
        traits: The widget's traits by name.
    """

    def __init__(self, traits: dict[str, Any]) -> None:
        self.traits, self.meta, self.of = traits, traits["_meta"], traits["_maps_of"]
        self.n_classes = 1 if self.of["against"] is None else 2

    @functools.cached_property
    def heads(self) -> np.ndarray | None:
        """Relevance on the patches, `[class, layer, head, row, col]`, the difference as a third."""
        sizes = (self.meta["n_layers"], self.meta["n_heads"])
        return self._on_patches("_heads", *sizes) if self.traits["_heads"] else None

    @functools.cached_property
    def whole(self) -> np.ndarray:
        """The same over all blocks and heads, `[class, row, col]`."""
        return self._on_patches("_tokens")

    def _on_patches(self, name: str, *sizes: int) -> np.ndarray:
        """NaN where a patch was dropped."""
        values = np.frombuffer(self.traits[name], "<f4").reshape(self.n_classes, *sizes, -1)
        if self.n_classes == 2:
            values = np.concatenate([values, values[:1] - values[1:]])
        return on_patches(values, self.meta)

    @property
    def show(self) -> str:
        """What stands large."""
        return "all" if self.heads is None else self.traits["show"]

    def maps(self, show: str, layer: int, head: int) -> np.ndarray:
        """The maps of all blocks, of a block or of a head, `[class, row, col]`."""
        if self.heads is None or show == "all":
            return self.whole
        return self.heads[:, layer].sum(1) if show == "layer" else self.heads[:, layer, head]

    def scale(self, which: int, show: str, layer: int, head: int) -> ColorScale:
        """The scale of one map of a class (2: the difference)."""
        sharing = slice(None) if self.traits["shared"] else slice(which, which + 1)
        sharers, norm = self.maps(show, layer, head), self.traits["norm"]
        if self.heads is not None and show != "all":
            if norm == "all":
                sharers = self.heads.sum(2) if show == "layer" else self.heads
            elif norm == "layer" and show == "head":
                sharers = self.heads[:, layer]
        end = float(np.nanmax(np.abs(sharers[sharing])))
        diverges = self.traits["_is_signed"] or which == 2
        return ColorScale("blue_orange" if diverges else "magma", end, self.traits["scale"])

    def thumbnails(self) -> np.ndarray | None:
        """Every head in its colours, each layer's sum last, uint8 `[layer, head, row, col, 3]`."""
        if self.heads is None:
            return None
        layers, heads = self.heads.shape[1:3]
        which = {"target": 0, "against": 1, "difference": 2}[self.traits["heads_of"]]
        which = which if self.n_classes > 1 else 0
        pixels = np.zeros((layers, heads + 1, *self.heads.shape[3:], 3), np.uint8)
        for layer, head in np.ndindex(layers, heads + 1):
            what = ("layer" if head == heads else "head", layer, min(head, heads - 1))
            values = self.maps(*what)[which]
            pixels[layer, head] = self.scale(which, *what).pixels(values)
        return pixels

    @property
    def chosen(self) -> tuple[int, int] | None:
        """The thumbnail of what stands large, if there is one."""
        column = {"layer": self.meta["n_heads"], "head": self.traits["head"]}.get(self.show)
        return None if column is None else (self.traits["layer"], column)

    @property
    def names(self) -> list[str]:
        """`["cat 0.96", "dog 0.03", "cat − dog"]`; `["any class"]` where the model has none."""
        if not self.traits["_labels"]:
            return [ANY_CLASS]
        indices = [self.of["target"], self.of["against"]][: self.n_classes]
        chance = np.frombuffer(self.traits["_probability"], "<f4")
        kind = " sigmoid" if self.meta["probability_kind"] == "sigmoid" else ""
        labels = [self.traits["_labels"][index] for index in indices]
        shares = [f"{kind} {probability(float(chance[index]), 3)}" for index in indices]
        names = [label + share for label, share in zip(labels, shares, strict=True)]
        return [*names, " − ".join(labels)]

    @property
    def words(self) -> str:
        """By which method, of which blocks and heads."""
        layer, head = self.traits["layer"], self.traits["head"]
        of = {"layer": f"layer {layer}, sum of its heads", "head": f"layer {layer}, head {head}"}
        method = self.traits["_methods"][self.of["method"]]
        return joined(method, of.get(self.show, "all blocks and heads"))
