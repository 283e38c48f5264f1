"""Whether a head's map depends on the image."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.analysis.images import check_trace
from vitlens_widgets.errors import UsageError
from vitlens_widgets.progress import progress
from vitlens_widgets.trace import Trace

# A map whose weights differ by less than this, relative to their size, is constant.
_CONSTANT = 1e-5


class Agreement:
    """The mean pairwise correlation of maps that are seen one after the other."""

    def __init__(self) -> None:
        self._sum: Tensor | None = None
        self._constant: Tensor | None = None
        self._seen = 0

    def see(self, pattern: Tensor) -> None:
        """One more image's maps, `[head, query, key]`."""
        flat = pattern.flatten(1)
        centred = flat - flat.mean(1, keepdim=True)
        norm = centred.norm(dim=1, keepdim=True)
        constant = norm <= _CONSTANT * flat.norm(dim=1, keepdim=True)
        unit = torch.where(constant, 0.0, centred / norm)
        self._sum = unit if self._seen == 0 else self._sum + unit
        count = constant[:, 0].double()
        self._constant = count if self._seen == 0 else self._constant + count
        self._seen += 1

    def value(self) -> Tensor:
        """`[head]`, float64; at least two images were seen."""
        # |sum of unit vectors|^2 = images + sum over ordered pairs of their correlation
        squared = self._sum.double().square().sum(1) + self._constant.square()
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
    rows = []
    for layer in progress(range(trace.vit.n_layers), "agreement"):
        over_images = Agreement()
        for pattern in trace.attention_by_image(layer):
            over_images.see(pattern.detach())
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
