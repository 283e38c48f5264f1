"""The head tour's classes against chance: where would the same weights fall, keys shuffled?"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.analysis.checks import chosen_images, title
from vitlens_widgets.analysis.heads.places import Places
from vitlens_widgets.analysis.heads.shares import GEOMETRY
from vitlens_widgets.data.frames import frame
from vitlens_widgets.progress import progress
from vitlens_widgets.trace import Trace

if TYPE_CHECKING:
    from pandas import DataFrame

# A spread below this, relative to the expected value, is rounding: the weights are uniform.
_NO_SPREAD = 1e-6


def geometry(trace: Trace, image: int | None = None) -> DataFrame:
    """The head-tour classes of every head as scores, each beside its null.

    A score is the share of the weight between patches that falls on a class's pairs (`shares`). Its
    null are the same weights with the patches that serve as keys permuted at random, all queries
    alike: a head that reads one patch, wherever it is, then reads any patch. `by_chance` is the
    null's mean, `ratio` the score over it, and `z` how many of the null's standard deviations the
    score is above it; both moments are exact. The ratio says how much, z how surely: a head that
    reads a single corner has a large ratio and a small z, since it could as well have been another
    patch, and a head of random weights may have a ratio of 1.01 and a large z.

    Memory beside the trace: at most 2.9 times the pattern of one layer and image, 3.9 times with
    several images (counted as for `statistics`).

    Args:
        trace: The trace.
        image: Which image; None for the mean pattern over all of them.

    Returns:
        A row per head and shape: layer, head, geometry, score, by_chance, ratio, z.

    Raises:
        UsageError: There is no such image.
    """
    images, places = chosen_images(trace, image), Places.of(trace)
    members = [share(places)[places.patches][:, places.patches] for share in GEOMETRY.values()]
    layers: list[torch.Tensor] = []
    for layer in progress(range(trace.vit.n_layers), "head geometry"):
        weights = _over_images(trace, layer, images, places)
        moments = [against_chance(weights, pairs) for pairs in members]
        layers.append(torch.stack(moments, -1))  # [moment, head, class]
        del weights  # its memory is free for the next layer's
    found = torch.stack(layers, 1)
    layer, head, of = np.indices(found.shape[1:]).reshape(3, -1).tolist()
    names = [list(GEOMETRY)[i] for i in of]
    return frame(
        {"layer": layer, "head": head, "geometry": names, **chance_columns(found)},
        title=f"Head classes against shuffled keys: {title(trace, images)}",
    )


def _over_images(trace: Trace, layer: int, images: list[int], places: Places) -> Tensor:
    """The sum over images of the weights among patches, `[head, query patch, key patch]`."""
    total: Tensor | None = None
    for pattern in trace.attention_by_image(layer, "pattern", images):
        weights = among_patches(pattern, places)
        total = weights if total is None else total.add_(weights)
        del pattern, weights  # their memory is free for the next image's
    return cast("Tensor", total)  # a trace has an image


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


def chance_columns(found: Tensor) -> dict[str, list[float]]:
    """Columns of a table from what `against_chance` gave, `[moment, ...]`, flattened."""
    weight, mean, variance, total = (part.flatten() for part in found.cpu())
    sd = variance.sqrt()
    spread = sd > _NO_SPREAD * mean
    z = torch.where(spread, (weight - mean) / sd.where(spread, 1.0), 0.0)
    columns = {"score": weight / total, "by_chance": mean / total, "ratio": weight / mean, "z": z}
    return {name: values.tolist() for name, values in columns.items()}


def among_patches(pattern: Tensor, places: Places) -> Tensor:
    """The weights that patches give patches, `[head, query patch, key patch]`."""
    return pattern.detach()[:, places.patches[:, None], places.patches]
