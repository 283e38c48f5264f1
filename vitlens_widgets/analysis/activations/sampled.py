"""Some patches of some images, drawn by lot: what says how sure a number over all patches is.

Patches of one image are not independent, so an interval over patches is one over images, and needs
to know which patches stood in one. That of all would need memory for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.analysis.activations.bins import bins_of

N_IMAGES = 512
"""How many images are kept at most."""
N_DRAWN = 2
"""How many patches of the thing are drawn, and of the rest."""
_OTHER_LOTS = 1  # than those of the tenths


def no_sample(n_features: int) -> dict[str, np.ndarray]:
    """What is kept before the first image; a lot below 0 is nobody's."""
    return {
        "sample lot": np.full(N_IMAGES, -1, np.int64),
        "sample group": np.zeros(N_IMAGES, np.int64),
        "sample size": np.zeros((N_IMAGES, 2), np.int64),
        "sample bin": np.zeros((N_IMAGES, n_features, 2 * N_DRAWN), np.uint8),
    }


class Drawn(NamedTuple):
    """What is taken of a batch."""

    image: list[int]
    """Which of its images."""
    slot: list[int]
    """Where each is kept."""
    patches: np.ndarray
    """Its patches, int64 `[image, 2 N_DRAWN]`: of the thing, then of the rest."""


def draw(
    kept: Mapping[str, np.ndarray], parts: np.ndarray, groups: np.ndarray, numbers: Sequence[int]
) -> Drawn:
    """Let the images of a batch take the places of those with smaller lots, in place.

    Args:
        kept: As of `no_sample`.
        parts: Which patches are the thing and the rest, bool `[image, 2, patch]`.
        groups: Of the things, `[image]`.
        numbers: Of the images.

    Returns:
        What is to be taken of them: `take` does, block after block.
    """
    taken: dict[int, tuple[int, np.ndarray]] = {}
    for image, number in enumerate(numbers):
        rng = np.random.default_rng((_OTHER_LOTS, number))
        lot = int(rng.integers(2**62, size=1)[0])
        slot = int(np.argmin(kept["sample lot"]))
        if lot < kept["sample lot"][slot]:
            continue
        kept["sample lot"][slot], kept["sample group"][slot] = lot, groups[image]
        kept["sample size"][slot] = parts[image].sum(1)
        patches = [_some(np.flatnonzero(part), rng) for part in parts[image]]
        taken[slot] = image, np.concatenate(patches)
    rows = [patches for _, patches in taken.values()]
    return Drawn([image for image, _ in taken.values()], list(taken), np.array(rows, np.int64))


def _some(patches: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Two of them; any where there are none, which then weigh nothing."""
    if not len(patches):
        return np.zeros(N_DRAWN, np.int64)
    return rng.choice(patches, N_DRAWN, replace=len(patches) < N_DRAWN)


def take(kept: Mapping[str, np.ndarray], drawn: Drawn, values: Tensor, features: slice) -> None:
    """Keep the drawn patches' bins of one block, in place.

    Args:
        kept: As of `no_sample`.
        drawn: What is to be taken.
        values: Activations of the whole batch, `[image, patch, feature]`.
        features: Those of the block.
    """
    for image, slot, patches in zip(*drawn, strict=True):
        bins = bins_of(values[image, torch.from_numpy(patches)])
        kept["sample bin"][slot, features] = bins.T.numpy()
