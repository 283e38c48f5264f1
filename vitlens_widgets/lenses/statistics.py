"""What is said about class logits, each over the last axis: `[..., class] -> [...]`."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Final(NamedTuple):
    """What the final state answers, `[..., class]`."""

    log_p: Tensor
    p: Tensor


def top(logits: Tensor, k: int) -> dict[str, Tensor]:
    """The k most probable classes and their probabilities, `[..., k]`, best first."""
    values, index = logits.topk(k, dim=-1)
    return {"index": index, "probability": (values - logits.logsumexp(-1, keepdim=True)).exp()}


def column(logits: Tensor, index: int) -> dict[str, Tensor]:
    """The logit of one class and its rank, 1 for the best; rank 0 where it is not a number."""
    logit = logits[..., index]
    rank = (logits > logit[..., None]).sum(-1) + 1
    return {"logit": logit.clone(), "rank": rank.masked_fill(logit.isnan(), 0)}


def summary(logits: Tensor, final: Final, k: int) -> dict[str, Tensor]:
    """Top k, logsumexp, entropy in nats, and KL(final || this) in nats."""
    log_p = logits.log_softmax(-1)
    values, index = log_p.topk(k, dim=-1)
    best = index[..., :1]  # logsumexp is the logit minus the log-probability of any class
    return {
        "index": index,
        "probability": values.exp(),
        "logsumexp": (logits.gather(-1, best) - values[..., :1])[..., 0],
        "entropy": -_expected(log_p.exp(), log_p).clamp_max(0),
        "kl_to_final": _expected(final.p, final.log_p - log_p).clamp_min(0),
    }


def kl_divergence(logits: Tensor, other: Tensor) -> Tensor:
    """KL(p || q) in nats, of the classes' distributions p by `logits` and q by `other`."""
    log_p = logits.log_softmax(-1)
    return _expected(log_p.exp(), log_p - other.log_softmax(-1)).clamp_min(0)


def _expected(p: Tensor, value: Tensor) -> Tensor:
    """Sum of p times value; an impossible class counts nothing, though its value be infinite.

    Rounding alone can carry an entropy or a divergence below 0.
    """
    total = (p * value).sum(-1)
    if total.isnan().any():  # 0 times infinity
        total = torch.where(p == 0, 0.0, p * value).sum(-1)
    return total
