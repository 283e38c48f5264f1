"""Attention rollout, and the row of an attention map that the model's own readout sees."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.analysis.checks import check_trace, chosen_images
from vitlens_widgets.errors import UsageError
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.progress import progress
from vitlens_widgets.trace import Trace
from vitlens_widgets.trace.sites import check_index


def rollout(trace: Trace, image: int | None = 0) -> np.ndarray:
    """How much of each token's first state reaches each token after each block, by attention alone.

    With `A` the mean over heads of a block's pattern, each block mixes the tokens by
    `0.5 A + 0.5 I` (the half is the residual stream), its rows scaled to sum to 1 (they do, unless
    weights were knocked out after the softmax), and the rollout of block l is the product of those
    of blocks l, l-1, ..., 0. Values, MLPs and norms are left out: a rollout says where attention
    could have carried something from, not that it did.

    Args:
        trace: The trace.
        image: Which image; None for the mean of all images' rollouts.

    Returns:
        float32 `[layer, query, key]`; rows sum to 1.

    Raises:
        UsageError: There is no such image.

    Source:
        Abnar & Zuidema (2020), "Quantifying Attention Flow in Transformers", equation 1.
    """
    check_trace(trace)
    return np.stack(list(progress(rollouts(trace, image), "rollout", trace.vit.n_layers)))


def rollouts(trace: Trace, image: int | None = 0) -> Iterator[np.ndarray]:
    """As `rollout`, one block after the other: float32 `[query, key]` each."""
    images = chosen_images(trace, image)
    so_far = [torch.eye(len(trace.tokens), dtype=torch.float64) for _ in images]
    for layer in range(trace.vit.n_layers):
        for i, pattern in enumerate(trace.attention_by_image(layer, "pattern", images)):
            so_far[i] = mixing(pattern.detach().cpu().double().mean(0)) @ so_far[i]
        yield torch.stack(so_far).mean(0).float().numpy()


def mixing(weights: Tensor) -> Tensor:
    """`weights + I` with rows that sum to 1, `[..., query, key]`: a block with its residual stream.

    Of attention weights, whose rows sum to 1 already, that is `0.5 A + 0.5 I`.
    """
    mixed = weights + torch.eye(weights.shape[-1], dtype=weights.dtype, device=weights.device)
    return mixed / mixed.sum(-1, keepdim=True)


@clean
def readout_row(trace: Trace, maps: np.ndarray, image: int = 0) -> np.ndarray:
    """Who the model's own readout attends to: the row of an attention map that counts for it.

    The row of CLS where the readout is CLS, the mean of the rows of all patches where it is their
    mean, and so on: the mean of the rows, weighed as the readout weighs the tokens
    (`models.readout.Readout.weights`; with attention pooling, by the pooling's own attention).

    Args:
        trace: The trace that the maps are of.
        maps: A pattern, a mean of heads or a rollout, `[..., query, key]`.
        image: Whose map it is; only attention pooling weighs each image in a way of its own.

    Returns:
        `[..., key]`, in the precision of `maps`.

    Raises:
        UsageError: Maps of another size, no such image, or a readout that is no weighted mean.

    Example:
        >>> heat = heads.readout_row(trace, heads.rollout(trace)[-1])[trace.layout.patches]
    """
    check_trace(trace)
    maps = np.asarray(maps)
    n = len(trace.tokens)
    if maps.shape[-2:] != (n, n):
        raise UsageError(
            f"A map of this trace ends in {n} queries x {n} keys; this one is {list(maps.shape)}."
        )
    check_index("image", image, trace.n_images)
    trace.check_weights("asked for its readout")
    with torch.no_grad():
        weights = trace.vit.adapter.readout_weights(trace.states[-1, image : image + 1])[0]
    return np.einsum("q,...qk->...k", weights.float().cpu().numpy(), maps)
