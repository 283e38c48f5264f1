"""Relevance from the numbers that a widget sends, coloured as in js/relevance_maps/shades.js."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np

from vitlens_widgets.export.stills.colors import colored
from vitlens_widgets.export.stills.tinting import attention_opacity, map_opacity

VEIL, VEILED = 0.92, 238  # opacity and grey over a patch that is not in the sequence


@dataclass(frozen=True)
class Scale:
    """How relevance becomes a colour.

    Attributes:
        diverges: There are numbers below 0.
        name: `"linear"` or `"sqrt"`.
        end: The largest magnitude on it.
    """

    diverges: bool
    name: str
    end: float

    @property
    def map(self) -> str:
        """Name of the colour map."""
        return "blue_orange" if self.diverges else "magma"

    def place(self, values: np.ndarray) -> np.ndarray:
        """Where on the map, 0..1; NaN for NaN."""
        share = np.abs(values) / (self.end or 1.0)
        bent = np.sqrt(share) if self.name == "sqrt" else share
        if self.diverges:
            return np.clip(0.5 + np.sign(values) * bent / 2, 0, 1)
        return np.clip(np.where(values < 0, 0, bent), 0, 1)

    def opacity(self, place: np.ndarray) -> np.ndarray:
        """How much of an image a place covers."""
        return map_opacity(np.abs(2 * place - 1)) if self.diverges else attention_opacity(place)

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """Of the legend."""
        straight = np.square if self.name == "sqrt" else np.asarray
        places = (-1, -0.5, 0, 0.5, 1) if self.diverges else (0, 0.5, 1)
        values = [np.sign(at) * (self.end or 1.0) * straight(abs(at)) for at in places]
        where = [(at + 1) / 2 for at in places] if self.diverges else places
        return [(float(at), number(float(v))) for at, v in zip(where, values, strict=True)]


@dataclass(frozen=True, eq=False)
class Relevance:
    """The arrays of a RelevanceMaps.

    Attributes:
        state: The widget's traits by name.
    """

    state: dict[str, Any]

    @property
    def meta(self) -> dict[str, Any]:
        """Names and sizes."""
        return self.state["_meta"]

    @property
    def n_classes(self) -> int:
        """One, or two."""
        return 1 if self.state["_maps_of"]["versus"] is None else 2

    @functools.cached_property
    def heads(self) -> np.ndarray | None:
        """Relevance on the patches, `[class, layer, head, row, col]`, the difference as a third."""
        if not self.state["_heads"]:
            return None
        sizes = (self.n_classes, self.meta["n_layers"], self.meta["n_heads"])
        packed = np.frombuffer(self.state["_heads"], "<f4")
        return self._on_patches(packed.reshape(*sizes, -1))

    @functools.cached_property
    def whole(self) -> np.ndarray:
        """The same over all blocks and heads, `[class, row, col]`."""
        packed = np.frombuffer(self.state["_tokens"], "<f4")
        return self._on_patches(packed.reshape(self.n_classes, -1))

    def _on_patches(self, values: np.ndarray) -> np.ndarray:
        """`[class, ..., position]` to `[class, ..., row, col]`; NaN where a patch was dropped."""
        if self.n_classes == 2:
            values = np.concatenate([values, values[:1] - values[1:]])
        n_prefix, grid = len(self.meta["prefix"]), (self.meta["rows"], self.meta["cols"])
        every = np.full((*values.shape[:-1], n_prefix + grid[0] * grid[1]), np.nan, np.float32)
        every[..., self.meta["tokens"]] = values
        return every[..., n_prefix:].reshape(*values.shape[:-1], *grid)

    @property
    def show(self) -> str:
        """What stands large."""
        return "all" if self.heads is None else self.state["show"]

    def large(self) -> np.ndarray:
        """The maps that stand large, `[class, row, col]`."""
        if self.heads is None or self.show == "all":
            return self.whole
        of_layer = self.heads[:, self.state["layer"]]
        return of_layer.sum(1) if self.show == "layer" else of_layer[:, self.state["head"]]

    def scale(self, which: int, show: str, layer: int, head: int) -> Scale:
        """The scale of one map of a class (2: the difference)."""
        sharing = range(len(self.whole)) if self.state["shared"] else [which]
        end = max(self._largest(one, show, layer, head) for one in sharing)
        diverges = self.state["_is_signed"] or which == 2
        return Scale(diverges, self.state["scale"], end)

    def _largest(self, which: int, show: str, layer: int, head: int) -> float:
        norm = self.state["norm"]
        if self.heads is None or show == "all":
            maps = self.whole[which]
        elif show == "layer":
            sums = self.heads[which].sum(1)
            maps = sums if norm == "all" else sums[layer]
        else:
            maps = self.heads[which]
            maps = maps if norm == "all" else maps[layer] if norm == "layer" else maps[layer, head]
        return float(np.nanmax(np.abs(maps)))

    def pixels(self, values: np.ndarray, scale: Scale) -> np.ndarray:
        """A map's own colours, uint8 `[row, col, 3]`."""
        colors = colored(scale.place(values), scale.map)
        return np.where(np.isnan(values)[..., None], 128, colors).astype(np.uint8)

    def paint(self, values: np.ndarray, scale: Scale) -> tuple[np.ndarray, np.ndarray]:
        """Colours `[row, col, 3]` and opacities `[row, col]` to be laid over the image."""
        gone, place = np.isnan(values), scale.place(values)
        colors = np.where(gone[..., None], VEILED, colored(place, scale.map))
        return colors, np.where(gone, VEIL, scale.opacity(np.nan_to_num(place)))


def number(value: float) -> str:
    """Relevance with three digits, as in js/relevance_maps/words.js."""
    if value == 0:
        return "0"
    if 0.001 <= abs(value) < 10_000:
        written = f"{value:.0f}" if abs(value) >= 999.5 else f"{value:#.3g}".rstrip(".")
        return written.replace("-", "−")
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa}e{int(exponent)}".replace("-", "−")
