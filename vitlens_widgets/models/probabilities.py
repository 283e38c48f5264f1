"""From class logits to probabilities: one answer among all classes, or each class yes or no."""

from __future__ import annotations

from typing import Any, Literal, get_args

from torch import Tensor, cat
from torch.nn.functional import logsigmoid

from vitlens_widgets.errors import UsageError

Kind = Literal["softmax", "sigmoid"]
"""`"softmax"`: probabilities of all classes sum to 1; `"sigmoid"`: each class stands alone."""


def log_probabilities(logits: Tensor, kind: Kind) -> Tensor:
    """Log-probabilities of the classes, `[..., class]` of the same shape."""
    return logsigmoid(logits) if kind == "sigmoid" else logits.log_softmax(-1)


def probabilities(logits: Tensor, kind: Kind) -> Tensor:
    """Probabilities of the classes, `[..., class]` of the same shape."""
    return logits.sigmoid() if kind == "sigmoid" else logits.softmax(-1)


def word_of(kind: Kind) -> str:
    """What people read beside such a number: of a sigmoid, that it is one."""
    return "probability" if kind == "softmax" else f"probability ({kind})"


def log_outcomes(logits: Tensor, kind: Kind) -> Tensor:
    """Log-probabilities of all that can be, over which entropies and divergences are summed.

    `[..., class]` by softmax; by sigmoid `[..., 2 class]`: that each class is there, then that it
    is not. Classes do not depend on one another there, so that a sum over all of these is the
    entropy (divergence) of the whole answer.
    """
    log_p = log_probabilities(logits, kind)
    return cat([log_p, logsigmoid(-logits)], dim=-1) if kind == "sigmoid" else log_p


def check_kind(given: Any) -> Kind:
    """The kind, if it is one.

    Raises:
        UsageError: It is none.
    """
    if given.__hash__ is None or given not in get_args(Kind):
        raise UsageError(
            f'probabilities={given!r} is no kind of probabilities; expected "softmax" (one class '
            'among all) or "sigmoid" (each class yes or no).'
        )
    return given


def log_any(log_p: Tensor, kind: Kind) -> Tensor:
    """Log-probability that one of some classes is there, `[..., class] -> [...]`.

    By softmax they exclude each other, by sigmoid they do not depend on one another.
    """
    if kind == "softmax":
        return log_p.logsumexp(-1)
    none = (-log_p.expm1()).log().sum(-1)  # log of the product of all 1 - p
    return (-none.expm1()).log()
