"""A token from each tenth of a feature's activations above 0, out of one pass.

A few tokens of each image are drawn by lot, and of those that fall into a bin one is kept, by lot
again. The tenths are those of the exact counts. Where no token of a tenth was drawn, one of the
strongest images' stands there: few patches fire more, so that they have all there is of a feature
that seldom fires, and the top tenth of any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.analysis.activations.bins import N_BINS, SILENT, bins_of

_DRAWN = 2  # tokens of an image
N_TENTHS = 10


class TenthPatches(NamedTuple):
    """A patch from each tenth of a feature's activations above 0; all are `[tenth]`, lowest first.

    Patches are drawn by lot. Where none of a tenth was drawn (few images, a feature that seldom
    fires), the one that is nearest by rank of those and of all patches of the strongest images
    stands there, at the worst of another tenth or twice; `value` says which it is.
    """

    image: np.ndarray
    """Number of the image in the data set, int64."""
    patch: np.ndarray
    """Which patch, counted row by row, int64."""
    value: np.ndarray
    """Its activation, float32; of a patch of the strongest images in half precision."""


def no_tokens(n_features: int) -> dict[str, np.ndarray]:
    """What is kept before the first image, `[feature, bin]`: a lot below 0 is nobody's."""
    shape = (n_features, N_BINS)
    return {
        "drawn lot": np.full(shape, -1, np.int64),
        "drawn value": np.zeros(shape, np.float32),
        "drawn image": np.zeros(shape, np.int64),
        "drawn token": np.zeros(shape, np.int32),
    }


def lots(number: int, n_tokens: int) -> tuple[np.ndarray, np.ndarray]:
    """Which tokens of an image are drawn, and their lots: always the same of the same image."""
    rng = np.random.default_rng((n_tokens, number))
    return rng.integers(n_tokens, size=_DRAWN), rng.integers(2**62, size=_DRAWN)


def keep_drawn(kept: dict[str, np.ndarray], values: Tensor, numbers: Sequence[int]) -> None:
    """Let the tokens drawn of a batch's images take the places of smaller lots.

    Args:
        kept: As of `no_tokens`, of the features at hand; changed in place.
        values: Activations `[image, token, feature]`.
        numbers: Of the images.
    """
    drawn = [lots(number, values.shape[1]) for number in numbers]
    token, lot = (np.concatenate(of) for of in zip(*drawn, strict=True))
    order = np.argsort(lot)  # so that of several in one bin the largest is the last to be put
    token, lot, image = token[order], lot[order], (np.arange(len(lot)) // _DRAWN)[order]
    there = values[torch.from_numpy(image), torch.from_numpy(token)]  # [drawn, feature]
    at = bins_of(there) + torch.arange(there.shape[1]) * N_BINS
    larger = torch.take(torch.from_numpy(kept["drawn lot"]), at) < torch.from_numpy(lot)[:, None]
    one, feature = larger.nonzero(as_tuple=True)
    cells, of = at[one, feature].numpy(), one.numpy()
    kept["drawn lot"].reshape(-1)[cells] = lot[of]
    kept["drawn value"].reshape(-1)[cells] = there[one, feature].numpy()
    kept["drawn image"].reshape(-1)[cells] = np.asarray(numbers)[image[of]]
    kept["drawn token"].reshape(-1)[cells] = token[of]


def ranks_of(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The share of activations above 0 that are below each value, to within a bin.

    Args:
        values: Activations above 0, float32.
        counts: How many activations each bin has, `[bin]`.
    """
    above = counts.astype(float)
    above[SILENT] = 0
    middle = np.cumsum(above) - above / 2
    bins = bins_of(torch.from_numpy(np.asarray(values, np.float32))).numpy()
    return middle[bins] / above.sum()


def nearest_to_tenths(drawn: np.ndarray, strong: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Which activation stands for each tenth, int64 `[10]`; below 0 where none is above 0.

    Args:
        drawn: Activations drawn by lot, `[one]`.
        strong: Others, `[one]`, which stand where no drawn one is of the tenth; they are counted on
            after the drawn ones.
        counts: How many activations each bin has, `[bin]`.
    """
    values = np.concatenate([drawn, strong])
    there = np.flatnonzero(values > 0)
    if not len(there):
        return np.full(N_TENTHS, -1)
    ranks = ranks_of(values[there], counts)
    middles = (np.arange(N_TENTHS) + 0.5) / N_TENTHS
    away = np.abs(ranks - middles[:, None])
    # one by lot within the tenth before all others
    away += np.where((there < len(drawn)) & (away <= 0.5 / N_TENTHS), 0, 1)
    return there[away.argmin(1)]
