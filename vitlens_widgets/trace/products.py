"""Watching linear layers whose weights a model hands to `torch.nn.functional.linear` itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from vitlens_widgets.trace.branches import Handler


class WatchedProducts(TorchFunctionMode):
    """While entered, in this thread, shows the products of some linear layers' weights.

    Such a layer is never called as a module, so that no hook on it would run (timm's BEiT and EVA
    put the bias of their fused projection together first).

    Args:
        handlers: What to call with the products of each layer, in order; gives what shall stand
            in their place, or None to leave them.
    """

    def __init__(self, handlers: Mapping[nn.Module, Sequence[Handler]]) -> None:
        super().__init__()
        self._by_weight = {id(module.weight): calls for module, calls in handlers.items()}

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run any torch function, and show what came out of a watched one."""
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        if func is not torch.nn.functional.linear:
            return out
        weight = args[1] if len(args) > 1 else kwargs["weight"]
        for handler in self._by_weight.get(id(weight), ()):
            new = handler(out)
            out = out if new is None else new
        return out
