"""Whether a head's map depends on the image."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.analysis.checks import check_trace
from vitlens_widgets.errors import UsageError
from vitlens_widgets.progress import progress
from vitlens_widgets.trace import Trace

# A map whose weights differ by less than this, relative to their size, is constant.
_CONSTANT = 1e-5


class Agreement:
    """The mean pairwise correlation of maps that are seen one after the other."""

    def __init__(self) -> None:
        self._sum = torch.empty(0)  # both of a head each, from the first image on
        self._constant = torch.empty(0)
        self._seen = 0

    def see(self, pattern: Tensor) -> None:
        """One more image's maps, `[head, query, key]`."""
        if self._seen == 0:
            self._sum = torch.zeros_like(pattern)
            self._constant = pattern.new_zeros(len(pattern), dtype=torch.float64)
        for head, weights in enumerate(pattern):
            centred = weights - weights.mean()
            norm, whole = (cast("Tensor", of.norm()) for of in (centred, weights))
            constant = norm <= _CONSTANT * whole
            self._sum[head].addcdiv_(centred, torch.where(constant, torch.inf, norm))
            self._constant[head] += constant
        self._seen += 1

    def value(self) -> Tensor:
        """`[head]`, float64; at least two images were seen."""
        # |sum of unit vectors|^2 = images + sum over ordered pairs of their correlation
        of_varying = torch.stack([one.double().square_().sum() for one in self._sum])
        squared = of_varying + self._constant.square()
        return (squared - self._seen) / (self._seen * (self._seen - 1))


def agreement(trace: Trace) -> np.ndarray:
    """How alike a head's patterns are from image to image, float64 `[layer, head]`.

    The mean over all pairs of images of the Pearson correlation of their flattened patterns: 1 is
    one and the same map whatever the image. Two maps that are the same everywhere correlate by 1,
    one such map and another by 0.

    Raises:
        UsageError: There is only one image.
    """
    check_images(trace)
    rows: list[np.ndarray] = []
    for layer in progress(range(trace.vit.n_layers), "agreement"):
        over_images = Agreement()
        for pattern in trace.attention_by_image(layer):
            over_images.see(pattern.detach())
            del pattern  # its memory is free for the next image's
        rows.append(over_images.value().cpu().numpy())
    return np.stack(rows)


def check_images(trace: Trace) -> None:
    """Refuse a trace of one image, which has nothing to agree with.

    Raises:
        UsageError: There is only one image.
    """
    check_trace(trace)
    if trace.n_images < 2:
        raise UsageError(
            "Agreement compares a head's maps from image to image, and this trace has one image; "
            "trace a list of at least two."
        )
