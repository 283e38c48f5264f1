"""What a Features shows of the chosen feature, for still pictures: unpacked from what is sent."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np


class ShownFeature:
    """The arrays of the chosen feature.

    Args:
        traits: The widget's traits by name.
    """

    def __init__(self, traits: dict[str, Any]) -> None:
        self.traits, self.meta = traits, traits["_meta"]
        self.layer, self.feature = traits["layer"], traits["feature"]
        self.labels: list[str] = traits["_labels"]

    @property
    def name(self) -> str:
        """`"Layer 4, neuron 225"`."""
        return f"Layer {self.layer}, {self.meta['kind']} {self.feature:,}"

    @cached_property
    def looks(self) -> dict[tuple[Any, ...], tuple[dict[str, Any], dict[str, np.ndarray]]]:
        """All that is sent of single features, by what it is."""
        found = dict[tuple[Any, ...], tuple[dict[str, Any], dict[str, np.ndarray]]]()
        start = 0
        for said in self.traits["_saved"]:
            data = self.traits["_saved_bytes"][start : start + said["bytes"]]
            start += said["bytes"]
            arrays = {
                name: np.frombuffer(data[at : at + size], kind)
                for name, (at, size, kind) in said.get("parts", {}).items()
            }
            found[tuple(said["of"])] = said, arrays
        return found

    def look(self, kind: str, image: int = -1) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """One of the chosen feature."""
        return self.looks[kind, self.layer, self.feature, image, -1, -1]

    @cached_property
    def numbers(self) -> np.ndarray:
        """Of all features, `[number, layer, feature]`."""
        shape = (-1, len(self.meta["layers"]), self.meta["width"])
        return np.frombuffer(self.traits["_numbers"], "<f4").reshape(shape)

    @property
    def own(self) -> np.ndarray:
        """Its numbers, in the order in which they are sent."""
        return self.numbers[:, self.meta["layers"].index(self.layer), self.feature]

    @property
    def images(self) -> np.ndarray:
        """The images that it fires most on, uint8 `[place, height, width, 3]`."""
        said, arrays = self.look("sheet")
        return arrays["pictures"].reshape(-1, *said["large"], 3)

    @property
    def maps(self) -> np.ndarray:
        """Its activations there, `[place, row, col]`."""
        grid = self.meta["rows"], self.meta["cols"]
        return self.look("sheet")[1]["maps"].reshape(-1, *grid)

    @property
    def tenths(self) -> tuple[np.ndarray, np.ndarray, list[list[int]]]:
        """Pictures around a patch of each tenth, their activations, where in it the patch is."""
        said, arrays = self.look("sheet")
        values = arrays["tenths"]
        side = round((arrays["crops"].size / 3 / max(1, len(values))) ** 0.5)
        return arrays["crops"].reshape(-1, side, side, 3), values, said["tenth_at"]

    @property
    def classes(self) -> str:
        """The classes that it tells best: `"apple 0.959 (0.952 to 0.968), mushroom 0.876"`."""
        words = list[str]()
        for index, area, interval in self.look("sheet")[0]["areas"]:
            ends = f" ({interval[0]:.3f} to {interval[1]:.3f})" if interval else ""
            words.append(f"{self.labels[index]} {area:.3f}{ends}")
        return f"AUC {', '.join(words)}" if words else ""

    @property
    def counts(self) -> tuple[np.ndarray, np.ndarray, float]:
        """Bins above the silent ones, from the first that is not empty: ends, counts, silent."""
        _, arrays = self.look("sheet")
        counts, edges = arrays["counts"].astype(float), np.array(self.meta["edges"])
        there = np.flatnonzero(counts[2:]) + 2
        shown = slice(there[0], there[-1] + 1) if len(there) else slice(2, 3)
        return edges[shown], counts[shown], float(counts[0] / max(counts.sum(), 1))
