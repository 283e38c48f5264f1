"""Heads that look at the same object: attention within the things of a picture, against chance."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.analysis.checks import check_trace, title
from vitlens_widgets.analysis.experiment import experiment
from vitlens_widgets.analysis.heads.chance import (
    AgainstChance,
    against_chance,
    among_patches,
    compared_with_chance,
)
from vitlens_widgets.analysis.heads.places import Places
from vitlens_widgets.errors import UsageError
from vitlens_widgets.masks import most_of_each_patch
from vitlens_widgets.progress import progress
from vitlens_widgets.trace import Trace


@experiment("trace", part="heads", needs_classifier=False)
def same_object(trace: Trace, masks: Sequence[np.ndarray]) -> AgainstChance:
    """How much the patches of each thing attend to other patches of the same thing.

    A patch belongs to the thing that covers most of it. The score is, of the weight that patches of
    things give patches, the share on other patches of the same thing. By chance, the patches that
    serve as keys are permuted at random, in each image by itself and for all its queries alike, as
    in `heads.geometry`; z is how many standard deviations the score is above that. Things are
    compact, so that a head which reads neighbours whatever they show is above chance as well:
    compare with its `neighbours` in `heads.geometry`.

    Args:
        trace: The trace.
        masks: Per image the thing that each pixel shows, `[height, width]` of whole numbers with 0
            for the background, at any size that the patch grid divides. It must be of the picture
            as the model saw it (`trace.pictures`), cropped like that one where the model crops.

    Raises:
        UsageError: Masks of another number, size or aspect, or no thing on two patches or more.

    Example:
        >>> heads.same_object(trace, [scene.instance_mask for scene in scenes])
    """
    places = Places.of(check_trace(trace))
    members = [_pairs(things, places) for things in _things(trace, masks)]
    if not any(pairs.any() for pairs in members):
        raise UsageError("No thing in these masks covers most of two patches or more.")
    layers = [
        reduce(
            torch.add,
            (
                against_chance(_asked(among_patches(pattern, places), pairs), pairs)
                for pattern, pairs in zip(trace.attention_by_image(layer), members, strict=True)
            ),
        )
        for layer in progress(range(trace.vit.n_layers), "same object")
    ]
    of_images = title(trace, list(range(trace.n_images)))
    return compared_with_chance(
        f"Attention within things against shuffled keys: {of_images}",
        ["same object"],
        torch.stack(layers, 1)[..., None],
    )


def _asked(weights: Tensor, pairs: Tensor) -> Tensor:
    """The weights of patches that have another patch of their thing to look at; others are 0."""
    return weights * pairs.any(1)[:, None].to(weights)


def _pairs(things: Tensor, places: Places) -> Tensor:
    """Pairs of different patches that show the same thing, `[query, key]`."""
    of_patch = things[places.row, places.col]
    same = (of_patch[:, None] == of_patch[None]) & (of_patch > 0)[:, None]
    return same & ~torch.eye(len(of_patch), dtype=torch.bool)


def _things(trace: Trace, masks: Sequence[np.ndarray]) -> list[Tensor]:
    """The thing that covers most of each patch, int64 `[row, col]` per image."""
    given = len(masks) if hasattr(masks, "__len__") else repr(masks)
    if given != trace.n_images:
        raise UsageError(
            f"{trace.n_images} images were traced, but as masks {given} given; give one per image."
        )
    picture = trace.pictures.shape[1:3]
    return [torch.from_numpy(most_of_each_patch(m, trace.layout.grid, picture)) for m in masks]
