"""Watching a forward pass: hooks that come off again, whatever happens."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from vitlens_widgets.models.sites import Tap

Key = TypeVar("Key", bound=Hashable)


@contextmanager
def watching(taps: Mapping[Key, Tap], seen: Callable[[Key, Tensor], None]) -> Iterator[None]:
    """While this lasts, call `seen(key, value)` whenever a tapped value shows.

    The hooks are taken off at the end, also after an exception or an interrupt in the forward
    pass or while they were being put on, so that the model is left as it was.
    """
    handles: list[RemovableHandle] = []
    try:
        for key, tap in taps.items():
            handles.append(_attach(tap, partial(seen, key)))
        yield
    finally:
        for handle in handles:
            handle.remove()


def _attach(tap: Tap, seen: Callable[[Tensor], None]) -> RemovableHandle:
    def see_input(_module: nn.Module, args: tuple, kwargs: dict) -> None:
        seen(tap.shape(_first(args or tuple(kwargs.values()))))

    def see_output(_module: nn.Module, _args: tuple, output: Any) -> None:
        seen(tap.shape(_first(output)))

    if tap.side == "input":
        return tap.module.register_forward_pre_hook(see_input, with_kwargs=True)
    return tap.module.register_forward_hook(see_output)


def kept_copy(value: Tensor) -> Tensor:
    """The value in memory of its own, since the model may go on to change it in place."""
    return value.detach().clone(memory_format=torch.contiguous_format)


def _first(value: Any) -> Tensor:
    """Blocks of some libraries wrap their tensor in a tuple."""
    return value[0] if isinstance(value, tuple) else value
