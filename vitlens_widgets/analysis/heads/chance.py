"""Shares of every head's attention against chance: where the weights would fall, keys shuffled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

import vitlens_widgets.charts as charts
from vitlens_widgets.analysis.heads.places import Places
from vitlens_widgets.analysis.result import Result, check_name
from vitlens_widgets.data.frames import frame

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812
    from pandas import DataFrame

# A spread below this, relative to the expected value, is rounding: the weights are uniform.
_NO_SPREAD = 1e-6


@dataclass(frozen=True, eq=False, repr=False)
class AgainstChance(Result):
    """Shares of the weight that patches give patches, and what they are with keys shuffled.

    Attributes:
        title: Of which model and images.
        names: What the shares are of, such as `"corner"`.
        score: The shares, float64 `[layer, head, name]`, as the three that follow.
        by_chance: The mean share with the keys shuffled.
        ratio: The share over that: how much.
        z: How many deviations of the shuffled shares it is above their mean: how surely.
    """

    title: str
    names: Sequence[str]
    score: np.ndarray = field(repr=False)
    by_chance: np.ndarray = field(repr=False)
    ratio: np.ndarray = field(repr=False)
    z: np.ndarray = field(repr=False)

    def table(self) -> DataFrame:
        """A row per head and share: layer, head, geometry, score, by_chance, ratio, z.

        Without the geometry where there is one share alone.
        """
        layers, heads, places = (axis.ravel() for axis in np.indices(self.score.shape))
        columns: dict[str, list[Any]] = {"layer": layers.tolist(), "head": heads.tolist()}
        if len(self.names) > 1:
            columns["geometry"] = [self.names[i] for i in places.tolist()]
        values = {name: getattr(self, name).ravel().tolist() for name in _MEASURED}
        return frame({**columns, **values}, self.title)

    def figure(self, name: str | None = None) -> Figure:
        """How many times chance each head's share is: dots over the layers, chance dotted.

        Args:
            name: One of `names`; None for the first.

        Raises:
            UsageError: There is no such share.
        """
        name = self.names[0] if name is None else check_name(name, self.names)
        ratio = self.ratio[..., list(self.names).index(name)]
        plot = charts.figure_over_layers(
            self.titled(f"{name} against chance"), f"{name}, times chance", len(ratio)
        )
        return charts.with_dots(plot, "times chance", {self.title: ratio}, {self.title: 1.0})

    def summary(self) -> str:
        """The head in which each share is the most times chance."""
        lines = [self.title]
        for i, name in enumerate(self.names):
            at = np.unravel_index(np.nan_to_num(self.ratio[..., i]).argmax(), self.ratio.shape[:2])
            score, chance, ratio, z = (getattr(self, one)[(*at, i)] for one in _MEASURED)
            lines.append(
                f"{name}: {score:.3f} in L{at[0]} H{at[1]}, {ratio:.1f} times the {chance:.3f} of "
                f"chance, z = {z:.1f}"
            )
        return "\n".join(lines)

    def __repr__(self) -> str:
        return self.summary()


_MEASURED = ("score", "by_chance", "ratio", "z")


def compared_with_chance(title: str, names: Sequence[str], found: Tensor) -> AgainstChance:
    """A result from what `against_chance` gave, `[moment, layer, head, name]`."""
    weight, mean, variance, total = found.cpu()
    sd = variance.sqrt()
    spread = sd > _NO_SPREAD * mean
    z = torch.where(spread, (weight - mean) / sd.where(spread, 1.0), 0.0)
    measured = (weight / total, mean / total, weight / mean, z)
    return AgainstChance(title, names, *(values.numpy() for values in measured))


def against_chance(weights: Tensor, members: Tensor) -> Tensor:
    """The weight on some pairs, and its mean and variance when the keys are permuted.

    With `g = members^T weights`, the weight on the pairs under a permutation is
    `sum_j g[j, permutation(j)]`, whose mean is `n mean(g)` and whose variance `sum(d^2) / (n - 1)`,
    where d is g less its row and column means plus its mean: Hoeffding (1951), "A Combinatorial
    Central Limit Theorem", theorem 2.

    Args:
        weights: `[head, query, key]` among n patches.
        members: The pairs, `[query, key]`, 1 or 0.

    Returns:
        `[(weight on the pairs, mean, variance, all weight), head]`, float64. Those of images that
        are permuted independently of one another add up.
    """
    members = members.to(weights).T
    return torch.stack([_moments(members, head) for head in weights], -1)


def _moments(members: Tensor, weights: Tensor) -> Tensor:
    """`against_chance` of one head, whose weights are `[query, key]`."""
    n = len(weights)
    g = members @ weights
    found, mean = g.diagonal().double().sum(), g.mean()
    d = g - g.mean(-1, keepdim=True) - g.mean(-2, keepdim=True) + mean
    variance = d.square_().sum(-1).double().sum() / max(n - 1, 1)
    return torch.stack([found, mean.double() * n, variance, weights.sum().double()])


def among_patches(pattern: Tensor, places: Places) -> Tensor:
    """The weights that patches give patches, `[head, query patch, key patch]`."""
    return pattern.detach()[:, places.patches[:, None], places.patches]
