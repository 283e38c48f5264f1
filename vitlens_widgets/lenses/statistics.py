"""What is said about class logits, each over the last axis: `[..., class] -> [...]`."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from vitlens_widgets.models.probabilities import Kind, log_outcomes


class Final(NamedTuple):
    """What the final state answers: the probabilities of all outcomes, `[..., outcome]`."""

    log_p: Tensor
    p: Tensor


def final(logits: Tensor, kind: Kind) -> Final:
    """What logits `[..., class]` answer."""
    log_p = log_outcomes(logits, kind)
    return Final(log_p, log_p.exp())


def top(logits: Tensor, k: int, kind: Kind) -> dict[str, Tensor]:
    """The k most probable classes and their probabilities, `[..., k]`, best first."""
    values, index = logits.topk(k, dim=-1)
    if kind == "sigmoid":
        return {"index": index, "probability": values.sigmoid()}
    return {"index": index, "probability": (values - logits.logsumexp(-1, keepdim=True)).exp()}


def column(logits: Tensor, index: int) -> dict[str, Tensor]:
    """The logit of one class and its rank, 1 for the best; rank 0 where it is not a number."""
    logit = logits[..., index]
    better = torch.gt(logits, logit[..., None], out=torch.empty_like(logits))
    rank = better.sum(-1, dtype=torch.float32).long() + 1  # as floats: 3 times as fast as as bools
    return {"logit": logit.clone(), "rank": rank.masked_fill(logit.isnan(), 0)}


def summary(logits: Tensor, final: Final, k: int, kind: Kind) -> dict[str, Tensor]:
    """Top k, logsumexp (by softmax), entropy in nats, and KL(final || this) in nats."""
    log_p = log_outcomes(logits, kind)
    if kind == "sigmoid":  # by their logits: where several are certain, log-probabilities tie
        best = top(logits, k, kind)
    else:
        values, index = log_p.topk(k, dim=-1)
        first = index[..., :1]  # logsumexp is the logit minus the log-probability of any class
        norm = (logits.gather(-1, first) - values[..., :1])[..., 0]
        best = {"index": index, "probability": values.exp(), "logsumexp": norm}
    return best | {
        "entropy": -_expected(log_p.exp(), log_p).clamp_max(0),
        "kl_to_final": _divergence(final, log_p),
    }


def kl_to(final: Final, logits: Tensor, kind: Kind) -> Tensor:
    """KL(final || this) in nats, as `summary` has it."""
    return _divergence(final, log_outcomes(logits, kind))


def _divergence(final: Final, log_p: Tensor) -> Tensor:
    return _expected(final.p, final.log_p - log_p).clamp_min(0)


def probability(logit: Tensor, summary: dict[str, Tensor], kind: Kind) -> Tensor:
    """Of one class, by its logit and the summary of all."""
    return logit.sigmoid() if kind == "sigmoid" else (logit - summary["logsumexp"]).exp()


def kl_divergence(logits: Tensor, other: Tensor, kind: Kind) -> Tensor:
    """KL(p || q) in nats, of the answers p by `logits` and q by `other`."""
    log_p = log_outcomes(logits, kind)
    return _expected(log_p.exp(), log_p - log_outcomes(other, kind)).clamp_min(0)


def _expected(p: Tensor, value: Tensor) -> Tensor:
    """Sum of p times value; an impossible class counts nothing, though its value be infinite.

    Rounding alone can carry an entropy or a divergence below 0.
    """
    total = (p * value).sum(-1)
    if total.isnan().any():  # 0 times infinity
        total = torch.where(p == 0, 0.0, p * value).sum(-1)
    return total
