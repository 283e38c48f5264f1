"""What is said about class logits, each over the last axis: `[..., class] -> [...]`."""

from __future__ import annotations

import torch
from torch import Tensor


def top(logits: Tensor, k: int) -> dict[str, Tensor]:
    """The k most probable classes and their probabilities, `[..., k]`, best first."""
    values, index = logits.topk(k, dim=-1)
    return {"index": index, "probability": (values - logits.logsumexp(-1, keepdim=True)).exp()}


def column(logits: Tensor, index: int) -> dict[str, Tensor]:
    """The logit of one class and its rank, 1 for the best; rank 0 where it is not a number."""
    logit = logits[..., index]
    rank = (logits > logit[..., None]).sum(-1) + 1
    return {"logit": logit.clone(), "rank": rank.masked_fill(logit.isnan(), 0)}


def summary(logits: Tensor, final: Tensor, k: int) -> dict[str, Tensor]:
    """Top k, logsumexp, entropy in nats, and KL(final || this) in nats."""
    logsumexp = logits.logsumexp(-1)
    log_p = logits - logsumexp[..., None]
    log_final = final - final.logsumexp(-1, keepdim=True)
    values, index = log_p.topk(k, dim=-1)
    return {
        "index": index,
        "probability": values.exp(),
        "logsumexp": logsumexp,
        "entropy": _expected(log_p, -log_p),
        "kl_to_final": _expected(log_final, log_final - log_p),
    }


def _expected(log_p: Tensor, value: Tensor) -> Tensor:
    """Sum of p times value, at least 0 (rounding alone could carry it below).

    An impossible class counts nothing.
    """
    p = log_p.exp()
    return torch.where(p == 0, 0.0, p * value).sum(-1).clamp_min(0)
