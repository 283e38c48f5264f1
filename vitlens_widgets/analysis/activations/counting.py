"""How many activations of each feature fall into each bin, exactly, a group at a time."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.analysis.activations.bins import (
    FAINT,
    N_BINS,
    SILENT,
    as_bins_above,
    bins_of,
)


class Counts:
    """Counts of one layer's features, written into those of all, int32 `[group, feature, bin]`.

    Args:
        counts: Of all features; changed in place.
        first: The first feature of this layer.
        width: How many it has.
    """

    def __init__(self, counts: np.ndarray, first: int, width: int) -> None:
        self._counts = torch.from_numpy(counts)[:, first : first + width]
        self._offsets = torch.arange(width, dtype=torch.int32) * N_BINS
        self._ones = torch.ones(0, dtype=torch.int32)

    def add(self, values: Tensor, groups: Tensor) -> None:
        """Count the activations `[row, feature]`, each row of a group `[row]`."""
        for group in set(groups.numpy()):
            bins = bins_of(values[groups == group]).to(torch.int32)
            self._count(bins.add_(self._offsets), group)

    def add_tokens(self, values: Tensor, parts: Tensor, groups: Tensor) -> Tensor:
        """Count an image's activations.

        Args:
            values: `[token, feature]`.
            parts: Which tokens each part of the image has, 0 or 1, float32 `[part, token]`.
            groups: Of the parts, `[part]`.

        Returns:
            How many activations of each part are above 0, float32 `[part, feature]`.
        """
        for part, group in zip(parts, groups.numpy(), strict=True):
            own = values.index_select(0, part.nonzero()[:, 0])
            self._count(as_bins_above(own).add_(self._offsets), group)
        return parts @ values.sign().clamp_(min=0)

    def set_silent(self, silent: Tensor, groups: Tensor) -> None:
        """Put into their bin what `add_tokens` left among the faint ones.

        Args:
            silent: How many of each part are not above 0, `[part, feature]`.
            groups: Of the parts, `[part]`.
        """
        for group in set(groups.numpy()):
            n = silent[groups == group].sum(0).to(torch.int32)
            self._counts[group, :, FAINT] -= n
            self._counts[group, :, SILENT] += n

    def _count(self, at: Tensor, group: int) -> None:
        """Add one at each of some places of a group, int32."""
        if len(self._ones) < at.numel():
            self._ones = torch.ones(at.numel(), dtype=torch.int32)
        self._counts[group].view(-1).index_add_(0, at.flatten(), self._ones[: at.numel()])
