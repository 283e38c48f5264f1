"""How much of each token a model's readout reads."""

from __future__ import annotations

import torch
from torch import Tensor

from vitlens_widgets.errors import UsageError
from vitlens_widgets.models.adapter import Adapter


def readout_weights(adapter: Adapter, state: Tensor) -> Tensor:
    """How the readout weighs the tokens of the last state.

    1 on CLS where it reads CLS, equal weights where it reads a mean (of CLS and distillation, of
    patches, of all tokens), half on CLS and half on the patches where it reads CLS beside their
    mean, and with attention pooling the mean over the pooling's heads of their weights.

    Args:
        adapter: The model.
        state: The last state, `[image, token, d]`; patches may have been dropped.

    Returns:
        `[image, token]`, each row summing to 1.

    Raises:
        UsageError: The readout is no weighted mean of tokens, or does not show its weights.
    """
    pooled = adapter.pooling_attention(state)
    if pooled is not None:
        return pooled.mean(1)
    n_tokens, n_prefix = state.shape[1], adapter.layout().n_prefix
    cls, patches, every = _mean(n_tokens, 0, 1), _mean(n_tokens, n_prefix), _mean(n_tokens, 0)
    known = {
        "CLS": cls,
        "CLS + distillation": _mean(n_tokens, 0, 2),
        "mean of patches": patches,
        "mean of all tokens": every,
        "CLS and mean of patches": (cls + patches) / 2,
    }
    if adapter.readout_name not in known:
        raise UsageError(
            f"This {type(adapter.model).__name__} reads {adapter.readout_name}, which is not a "
            "weighted mean of tokens that it shows; choose a query token instead."
        )
    return known[adapter.readout_name].to(state).expand(len(state), -1)


def _mean(n_tokens: int, start: int, stop: int | None = None) -> Tensor:
    """Equal weights on some of the tokens, `[token]`."""
    weights = torch.zeros(n_tokens)
    weights[start:stop] = 1
    return weights / weights.sum()
