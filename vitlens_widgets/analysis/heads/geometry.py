"""The head tour's classes of every head, against chance."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from vitlens_widgets.analysis.checks import chosen_images, title
from vitlens_widgets.analysis.experiment import experiment
from vitlens_widgets.analysis.heads.chance import (
    AgainstChance,
    against_chance,
    among_patches,
    compared_with_chance,
)
from vitlens_widgets.analysis.heads.places import Places
from vitlens_widgets.analysis.heads.shares import GEOMETRY, of_pairs
from vitlens_widgets.progress import progress
from vitlens_widgets.trace import Trace


@experiment("trace", part="heads", needs_classifier=False)
def geometry(trace: Trace, image: int | None = None) -> AgainstChance:
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

    Raises:
        UsageError: There is no such image.
    """
    images, places = chosen_images(trace, image), Places.of(trace)
    members = [of_pairs(name, places)[places.patches][:, places.patches] for name in GEOMETRY]
    layers: list[torch.Tensor] = []
    for layer in progress(range(trace.vit.n_layers), "head geometry"):
        weights = _over_images(trace, layer, images, places)
        moments = [against_chance(weights, pairs) for pairs in members]
        layers.append(torch.stack(moments, -1))  # [moment, head, class]
        del weights  # its memory is free for the next layer's
    of_images = title(trace, images)
    return compared_with_chance(
        f"Head classes against shuffled keys: {of_images}", list(GEOMETRY), torch.stack(layers, 1)
    )


def _over_images(trace: Trace, layer: int, images: list[int], places: Places) -> Tensor:
    """The sum over images of the weights among patches, `[head, query patch, key patch]`."""
    total: Tensor | None = None
    for pattern in trace.attention_by_image(layer, "pattern", images):
        weights = among_patches(pattern, places)
        total = weights if total is None else total.add_(weights)
        del pattern, weights  # their memory is free for the next image's
    return cast("Tensor", total)  # a trace has an image
