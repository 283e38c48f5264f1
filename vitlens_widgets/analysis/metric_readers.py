"""What each kind of metric reads of logits, of which the clean run and the classes are known."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from vitlens_widgets.analysis.checks import logits_of
from vitlens_widgets.models.probabilities import log_outcomes, probabilities
from vitlens_widgets.trace import Trace

Reader = Callable[[Tensor, Tensor], Tensor]
"""Logits `[n, class]`, and of which image each row is, int64 `[n]`: numbers `[n]`."""


def _at(logits: Tensor, index: Tensor, image: Tensor) -> Tensor:
    return logits.gather(1, index.to(image.device)[image][:, None])[:, 0]


def _logit(_clean: Trace, target: Tensor) -> Reader:
    return lambda logits, image: _at(logits, target, image)


def _difference(_clean: Trace, target: Tensor, against: Tensor) -> Reader:
    return lambda logits, image: _at(logits, target, image) - _at(logits, against, image)


def _probability(clean: Trace, target: Tensor) -> Reader:
    kind = clean.vit.probabilities
    return lambda logits, image: _at(probabilities(logits, kind), target, image)


def _rank(_clean: Trace, target: Tensor) -> Reader:
    def read(logits: Tensor, image: Tensor) -> Tensor:
        better = logits > _at(logits, target, image)[:, None]
        return 1 + better.sum(1).to(logits)

    return read


def _kl(clean: Trace) -> Reader:
    kind = clean.vit.probabilities
    answer = logits_of(clean).detach()
    log_clean = log_outcomes(answer.to(torch.promote_types(answer.dtype, torch.float32)), kind)

    def read(logits: Tensor, image: Tensor) -> Tensor:
        known = log_clean.to(logits.device)[image]
        return (known.exp() * (known - log_outcomes(logits, kind))).sum(1)

    return read


READERS: dict[str, Callable[..., Reader]] = {
    "logit": _logit,
    "logit difference": _difference,
    "probability": _probability,
    "rank": _rank,
    "KL from the clean answer": _kl,
}
