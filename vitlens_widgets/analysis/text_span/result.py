"""`TextSpan`: the texts that say what heads write."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

import vitlens_widgets.charts as charts
from vitlens_widgets.analysis.over_images import over_images
from vitlens_widgets.analysis.result import Result, mean_and_half
from vitlens_widgets.data.frames import frame
from vitlens_widgets.errors import UsageError
from vitlens_widgets.trace.sites import check_index

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812
    from pandas import DataFrame


@dataclass(frozen=True, repr=False, eq=False)
class TextSpan(Result):
    """What `text_span` found.

    Attributes:
        title: The model and the images.
        pool: The texts that could be taken.
        layers: The blocks.
        chosen: Which were taken, in their order, int64 `[layer, head, n]`; -1 where nothing was
            left to say.
        explained: The share of a head's variance that the first n say together, float64
            `[layer, head, n]`.
        chance: The same of random directions, a pool after the other, `[pool, layer, head, n]`.
        n_images: How many images.
    """

    title: str
    pool: tuple[str, ...] = field(repr=False)
    layers: tuple[int, ...]
    chosen: np.ndarray = field(repr=False)
    explained: np.ndarray = field(repr=False)
    chance: np.ndarray = field(repr=False)
    n_images: int

    def texts(self, layer: int, head: int) -> list[str]:
        """The texts of one head, in the order in which they were taken.

        Raises:
            UsageError: The block was not asked about, or there is no such head.
        """
        if layer not in self.layers:
            asked = ", ".join(map(str, self.layers))
            raise UsageError(f"Block {layer} was not asked about; there is {asked}.")
        check_index("head", head, self.chosen.shape[1])
        chosen = self.chosen[self.layers.index(layer), head]
        return [self.pool[i] for i in chosen if i >= 0]

    def table(self) -> DataFrame:
        """A row per head: its texts, the share of the variance that they say, and chance's."""
        rows = [(layer, head) for layer in self.layers for head in range(self.chosen.shape[1])]
        last = self.chance[..., -1].reshape(len(self.chance), -1)
        columns = {
            "layer": [layer for layer, _ in rows],
            "head": [head for _, head in rows],
            "texts": ["; ".join(self.texts(*place)) for place in rows],
            "explained": self.explained[..., -1].ravel().tolist(),
            "random directions": last.mean(0).tolist(),
            "random directions, most": last.max(0).tolist(),
        }
        return frame(columns, self.title)

    def figure(self) -> Figure:
        """How much of each head's variance its texts say, beside random directions."""
        quantity = "share of the variance explained"
        n = self.chosen.shape[-1]
        title = self.titled(f"what {n} texts say of each head")
        plot = charts.figure_over_layers(title, quantity, len(self.layers))
        plot.xaxis.major_label_overrides = {i: str(one) for i, one in enumerate(self.layers)}
        values = {
            "texts": self.explained[..., -1],
            "random directions": self.chance[..., -1].mean(0),
        }
        return charts.with_dots(plot, "explained", values, dict.fromkeys(values))

    def summary(self) -> str:
        """The heads that texts say most of, and how many they say more of than chance does."""
        share, most = self.explained[..., -1], self.chance[..., -1].max(0)
        above = int((share > most).sum())
        n_random = len(self.chance)
        lines = [
            f"{self.title}: {self.chosen.shape[-1]} of {len(self.pool)} texts say "
            f"{_over_heads(share)} of a head's variance, as many random directions "
            f"{_over_heads(self.chance[..., -1].mean(0))} (mean over heads)",
            f"  texts say more than each of {n_random} random pools in {above} of {share.size} "
            f"heads; by luck alone in {share.size / (n_random + 1):.1f}",
        ]
        places = [(i, head) for i in range(len(share)) for head in range(share.shape[1])]
        for i, head in sorted(places, key=lambda at: most[at] - share[at])[:3]:
            texts = "; ".join(self.texts(self.layers[i], head))
            lines.append(
                f"  L{self.layers[i]} H{head}: {texts} ({share[i, head]:.3f}, chance "
                f"{self.chance[:, i, head, -1].mean():.3f})"
            )
        return "\n".join(lines)


def _over_heads(values: np.ndarray) -> str:
    return mean_and_half(over_images(values.ravel()))
