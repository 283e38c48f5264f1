"""How an attention pattern spreads its weight: `[head, query, key] -> [head]`, float64."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from vitlens_widgets.errors import UsageError, said
from vitlens_widgets.trace.rows import Rows


def entropy(pattern: Tensor) -> Tensor:
    """Mean over all queries of the entropy of their weights, in nats.

    `mean_i(-sum_j p_ij ln p_ij)`, from 0 (every query reads one token) to ln N (all N tokens
    alike). Source: Clark et al. (2019), "What Does BERT Look At?", section 3.3.
    """
    return _entropies(_checked(pattern)).double().mean(-1)


def _entropies(pattern: Tensor) -> Tensor:
    of_heads = [cast("Tensor", torch.special.entr(head)).sum(-1) for head in pattern]
    return torch.stack(of_heads)  # head by head: a head's memory, not a pattern's


def entropies(rows: Rows, largest: Tensor) -> Tensor:
    """The entropy of each query's weights in nats, `[head, query]`.

    By its scores where the pattern is their softmax: with s the scores less the largest of the row,
    whose weight is w, `-sum_j p_j ln p_j = -ln w - sum_j p_j s_j`, which takes no logarithm for
    each weight.

    Args:
        rows: Weights and scores.
        largest: The largest weight of each query, `[head, query]`.
    """
    if rows.scores is None:
        return torch.stack(
            [cast("Tensor", torch.special.entr(head)).sum(-1) for head in rows.pattern]
        )
    products = cast("Tensor", torch.linalg.vecdot(rows.pattern, rows.scores))
    return (-largest.log() - products).clamp_min_(0)


def largest_weights(pattern: Tensor) -> Tensor:
    """The largest weight of each query, `[head, query]`."""
    return pattern.amax(-1)


def largest_weight(pattern: Tensor) -> Tensor:
    """Mean over all queries of their largest weight, from 1/N to 1.

    `mean_i(max_j p_ij)`, which Voita et al. (2019), "Analyzing Multi-Head Self-Attention", call a
    head's confidence (there without the end-of-sentence token).
    """
    return _checked(pattern).amax(-1).double().mean(-1)


def received(pattern: Tensor) -> Tensor:
    """What each token receives on average over all queries, `mean_i p_ij`: `[head, key]`."""
    return _checked(pattern).mean(-2).double()


def sink(pattern: Tensor) -> tuple[Tensor, Tensor]:
    """The token that receives most over all queries: (its share of all weight, its position).

    `max_j mean_i p_ij`, from 1/N to 1. Xiao et al. (2024) call such a token an attention sink;
    Darcet et al. (2024), "Vision Transformers Need Registers", show them in ViTs.
    """
    share, position = received(pattern).max(-1)
    return share, position


def _checked(pattern: Tensor) -> Tensor:
    if not isinstance(pattern, Tensor):
        what = said(pattern)
    elif pattern.ndim != 3 or not pattern.numel() or not pattern.is_floating_point():
        what = f"one of shape {list(pattern.shape)}, {pattern.dtype}"
    else:
        return pattern
    raise UsageError(
        "An attention pattern is a tensor of floats [head, query, key], such as "
        f'trace["pattern", 3][0], not {what}.'
    )
