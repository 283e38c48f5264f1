"""Weights that are looked at once for all that is computed in a row.

Each look costs a hundredth of a forward pass of ViT-B/16 (`weights.py`); the maps of all blocks,
one by one, would be a dozen.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Protocol, TypeVar

from torch import nn

from vitlens_widgets.models import BaseViT
from vitlens_widgets.models.cleanup import Cleanup, clean

R = TypeVar("R")


class Watched(Protocol):
    """A trace, for what is asked of it here."""

    @property
    def vit(self) -> BaseViT:
        """Its model."""
        ...

    def check_weights(self, what: str) -> None:
        """Refuses weights that have changed."""
        ...


class _Held(threading.local):
    """The models whose weights this thread has looked at and will look at again."""

    def __init__(self) -> None:
        self.models: list[nn.Module] = []


_held = _Held()


def is_held(model: nn.Module) -> bool:
    """Whether this thread has looked at its weights, and will again before it gives anything."""
    return any(one is model for one in _held.models)


@clean
def in_a_row(trace: Watched, what: str, compute: Callable[[], R], *, after: bool = True) -> R:
    """What `compute` makes of a trace, whose weights are looked at before it and after it alone.

    Args:
        trace: The trace.
        what: What it is asked for, as for `check_weights`.
        compute: Computes one thing after the other.
        after: Whether they are looked at after it, too; for what takes no time they need not be.

    Raises:
        UsageError: The weights have changed since the trace, or meanwhile.
    """
    model = trace.vit.model
    trace.check_weights(what)
    if is_held(model):
        return compute()
    with Cleanup(partial(_let_go, model)):
        _held.models.append(model)
        found = compute()
    if after:
        trace.check_weights(what)
    return found


def _let_go(model: nn.Module) -> None:
    _held.models[:] = [one for one in _held.models if one is not model]
