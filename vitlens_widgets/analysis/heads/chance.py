"""The head tour's classes against chance: where would the same weights fall, keys shuffled?"""

from __future__ import annotations

import torch
from torch import Tensor

from vitlens_widgets.analysis.heads.geometry import Places
from vitlens_widgets.analysis.heads.shares import CLASSES
from vitlens_widgets.analysis.images import chosen_images, title
from vitlens_widgets.data import Table
from vitlens_widgets.progress import progress
from vitlens_widgets.trace import Trace

# A spread below this, relative to the expected value, is rounding: the weights are uniform.
_NO_SPREAD = 1e-6


def classes(trace: Trace, image: int | None = None) -> Table:
    """The head-tour classes of every head as scores, each beside its null.

    A score is the share of the weight between patches that falls on a class's pairs (`shares`). Its
    null are the same weights with the patches that serve as keys permuted at random, all queries
    alike: a head that reads one patch, wherever it is, then reads any patch. `by chance` is the
    null's mean, `ratio` the score over it, and `z` how many of the null's standard deviations the
    score is above it; both moments are exact. A head that reads a single corner has a large ratio
    and a small z: it could as well have been another patch.

    Args:
        trace: The trace.
        image: Which image; None for the mean pattern over all of them.

    Returns:
        A row per head and class: layer, head, class, score, by chance, ratio, z.

    Raises:
        UsageError: There is no such image.
    """
    images, places = chosen_images(trace, image), Places.of(trace)
    members = [share(places)[places.patches][:, places.patches] for share in CLASSES.values()]
    layers = []
    for layer in progress(range(trace.vit.n_layers), "head classes"):
        weights = _between_patches(trace, layer, images, places)
        moments = (against_chance(weights, pairs) for pairs in members)
        layers.append(torch.stack([torch.stack(three) for three in moments]))
    found = torch.stack(layers).permute(0, 3, 1, 2)  # [layer, head, class, (score, mean, sd)]
    return _table(found, f"Head classes against shuffled keys: {title(trace, images)}")


def against_chance(weights: Tensor, members: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """A class's score, and mean and standard deviation of it when the keys are permuted.

    With `g = members^T weights`, the score of a permutation is `sum_j g[j, permutation(j)]`, whose
    mean is `n mean(g)` and whose variance `sum(d^2) / (n - 1)`, where d is g less its row and
    column means plus its mean: Hoeffding (1951), "A Combinatorial Central Limit Theorem",
    theorem 2.

    Args:
        weights: `[head, query, key]` among n patches.
        members: The pairs of the class, `[query, key]`, 1 or 0.

    Returns:
        Three of `[head]`, float64, each divided by the sum of all weights.
    """
    n, total = weights.shape[-1], weights.sum((-1, -2)).double()
    g = members.to(weights).T @ weights
    score = g.diagonal(dim1=-2, dim2=-1).double().sum(-1)
    mean = g.mean((-1, -2)).double() * n
    d = g - g.mean(-1, keepdim=True) - g.mean(-2, keepdim=True) + g.mean((-1, -2), keepdim=True)
    sd = (d.double().square().sum((-1, -2)) / max(n - 1, 1)).sqrt()
    return score / total, mean / total, sd / total


def _between_patches(trace: Trace, layer: int, images: list[int], places: Places) -> Tensor:
    """The weights that patches give patches, summed over images, `[head, query, key]`."""
    total = None
    for pattern in trace.attention_by_image(layer, "pattern", images):
        among = pattern.detach()[:, places.patches][:, :, places.patches]
        total = among if total is None else total + among
    return total


def _table(found: Tensor, title: str) -> Table:
    score, mean, sd = found.cpu().unbind(-1)
    spread = sd > _NO_SPREAD * mean
    z = torch.where(spread, (score - mean) / sd.where(spread, 1.0), 0.0)
    layer, head, of = (torch.arange(size) for size in score.shape)
    columns = {"score": score, "by chance": mean, "ratio": score / mean, "z": z}
    places = torch.cartesian_prod(layer, head, of).unbind(1)
    return Table(
        {
            "layer": places[0].tolist(),
            "head": places[1].tolist(),
            "class": [list(CLASSES)[i] for i in places[2]],
            **{name: values.flatten().tolist() for name, values in columns.items()},
        },
        title=title,
    )
