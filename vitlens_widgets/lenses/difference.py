"""How far one reading is from another of the same images, such as that of an edited run."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from vitlens_widgets.errors import UsageError
from vitlens_widgets.lenses.reading import Reading
from vitlens_widgets.lenses.statistics import kl_divergence


def divergence(before: Reading, after: Reading, n_same: int = 0) -> Tensor:
    """KL divergence in nats of `after` from `before`, float32 `[state, image, token]`.

    `sum_c p_before(c) (ln p_before(c) - ln p_after(c))`: what is lost by taking the answer after
    an edit for the one before it, for each token in each state; `[state, image]` for two readouts.

    Args:
        before: A reading, or the readout of one.
        after: Another one, with the same states, images, tokens and labels.
        n_same: How many states at the start are the same in both, and so 0 apart.

    Raises:
        UsageError: They are not alike.

    Example:
        >>> without = lens.read(trace.rerun([vl.edits.Zero("z", 3, head=2)]))
        >>> divergence(reading, without)[-1]  # [image, token], at the final state
    """
    _check_alike(before, after)
    states = range(n_same, before.n_states)
    kind = before.probabilities
    found = [kl_divergence(before.logits(k), after.logits(k), kind) for k in states]
    return torch.stack([torch.zeros_like(found[0])] * n_same + found)


def _check_alike(before: Reading, after: Reading) -> None:
    of_before, of_after = _sizes(before), _sizes(after)
    if of_before != of_after:
        raise UsageError(
            f"Only readings of the same states, images, tokens and labels can be compared; given "
            f"are {before!r} and {after!r}."
        )


def _sizes(reading: Reading) -> tuple[object, ...]:
    answers = list(reading.labels), reading.probabilities
    tokens = cast("list[int]", reading.tokens.tolist())
    return reading.state_names, reading.n_images, tokens, answers, reading.at_readout
