"""Vectors of the stream among the classes, with every length that is divided by taken as 1."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from vitlens_widgets.errors import UsageError
from vitlens_widgets.lenses.lens import check_classifier
from vitlens_widgets.models.classifier import CosineClassifier, UnitClassifier
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.trace import ViT
from vitlens_widgets.trace.frozen_runs import FrozenRuns
from vitlens_widgets.trace.rounding import tolerance_of


@clean
@torch.no_grad()
def in_class_space(vit: ViT, vectors: Tensor) -> Tensor:
    """What vectors of the stream add to the logits that are read of the token they stand at.

    The way is the model's own from a token to logits, with its norms' scale frozen at a token of
    ones and minus ones, whose length makes that scale 1; an embedding that is compared by its angle
    is taken at length 1, too. So this is `classifier (gain * (v - mean v))` of a LayerNorm,
    without the mean of an RMSNorm, with a projection between where there is one.

    Args:
        vit: The model; it has a classifier.
        vectors: `[vector, d]`.

    Returns:
        Float32 `[vector, class]`, less the mean over classes.

    Raises:
        UsageError: No classifier, or one that is not linear.
    """
    check_classifier(vit)
    adapter, n = vit.adapter, len(vectors)
    blank = adapter.blank_state(1)
    n_tokens = blank.shape[1]
    n_rows = -(-(n + 2) // n_tokens)
    signs = blank.new_ones(vit.width)
    signs[1::2] = -1
    runs = FrozenRuns(vit, adapter.token_logits)
    ones = signs.expand(n_rows, n_tokens, -1)
    runs.first(ones)
    placed = blank.new_zeros(n_rows * n_tokens, vit.width)
    placed[:n] = vectors.to(placed)
    placed[n + 1] = -placed[:n].sum(0)
    state = placed.view(n_rows, n_tokens, -1)
    logits = runs.again(state, with_bias=False, with_aside=False).flatten(0, 1).float()
    found = (logits - logits[n])[: n + 2]
    off = found.sum(0).abs().max()
    if off > n**0.5 * tolerance_of(blank.dtype) * found.abs().max().clamp(min=1e-30):
        raise UsageError(
            f"What {vit.name} answers of a token is no sum over what stands there, even with the "
            "scale of its norms frozen: something that is not linear stands before its logits."
        )
    found = found[:n] * _length(vit, ones)
    return (found - found.mean(-1, keepdim=True)).cpu()


def _length(vit: ViT, ones: Tensor) -> float:
    """The length at which an embedding that is compared by its angle was frozen; else 1."""
    adapter = vit.adapter
    classifier: Any = adapter.head if adapter.classifier is None else adapter.classifier
    if not isinstance(classifier, (CosineClassifier, UnitClassifier)):
        return 1.0
    features = adapter.token_features(ones[:1])
    return float(features.flatten(0, -2)[0].square().sum().sqrt())
