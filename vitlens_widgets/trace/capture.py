"""Hooks on a forward pass that come off again, whatever happens."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from vitlens_widgets.models.hook_points import AnyHookPoint, HookPoint
from vitlens_widgets.trace.branches import Handler, by_part
from vitlens_widgets.trace.products import WatchedProducts
from vitlens_widgets.trace.stream import Stream

Key = TypeVar("Key", bound=Hashable)

# The runs under way in this thread, innermost last. A hook acts for the innermost only, so that
# neither another thread's forward pass nor a trace within a trace is mistaken for its own.
_under_way = threading.local()


@contextmanager
def handling(
    points: Mapping[Key, AnyHookPoint],
    handlers: Mapping[Key, Handler],
    stream: Stream | None = None,
) -> Iterator[None]:
    """While this lasts, each handler sees its site in the forward pass and may change it.

    The hooks are taken off at the end, also after an exception or an interrupt in the forward
    pass or while they were being put on, so that the model is left as it was.

    Args:
        points: Where the sites show.
        handlers: What to do at them.
        stream: Who follows the residual stream, around all handlers.
    """
    run = object()
    parts = [part for key, handler in handlers.items() for part in by_part(points[key], handler)]
    products = [(point, handler) for point, handler in parts if point.side == "linear"]
    stack = _under_way.__dict__.setdefault("stack", [])
    stack.append(run)
    try:
        with ExitStack() as until_the_end:
            for hook in _before_handlers(run, stream):
                until_the_end.callback(hook.remove)
            for point, handler in parts:
                if point.side != "linear":
                    until_the_end.callback(_attach(run, point, handler).remove)
            if products:
                until_the_end.enter_context(_watched(run, products))
            for hook in _after_handlers(run, stream):
                until_the_end.callback(hook.remove)
            yield
    finally:
        stack.remove(run)


@contextmanager
def watching(
    points: Mapping[Key, AnyHookPoint], seen: Callable[[Key, Tensor], None]
) -> Iterator[None]:
    """While this lasts, call `seen(key, value)` whenever a hooked value shows."""
    with handling(points, {key: partial(seen, key) for key in points}):
        yield


def kept_copy(value: Tensor) -> Tensor:
    """The value in memory of its own, since the model may go on to change it in place."""
    return value.detach().clone(memory_format=torch.contiguous_format)


def _attach(run: object, point: HookPoint, handler: Handler) -> RemovableHandle:
    # kwargs may be missing for another thread that comes by while the hook is put on or taken off
    def on_input(
        _module: nn.Module, args: tuple, kwargs: dict | None = None
    ) -> tuple[tuple, dict] | None:
        if not _is_innermost(run):
            return None
        if args:
            new = _handled(point, handler, args[0])
            return None if new is None else ((new, *args[1:]), kwargs or {})
        kwargs = kwargs or {}
        name, raw = next(iter(kwargs.items()))  # called with its state as a keyword
        new = _handled(point, handler, raw)
        return None if new is None else (args, {**kwargs, name: new})

    def on_output(_module: nn.Module, _args: tuple, output: Any) -> Any:
        if not _is_innermost(run):
            return None
        if not isinstance(output, tuple):
            return _handled(point, handler, output)
        new = _handled(point, handler, output[0])
        return None if new is None else (new, *output[1:])

    if point.side == "input":
        return point.module.register_forward_pre_hook(on_input, with_kwargs=True)
    return point.module.register_forward_hook(on_output)


def _before_handlers(run: object, stream: Stream | None) -> Iterator[RemovableHandle]:
    """The stream's hooks on what blocks read: before anybody's hooks, and after the user's."""
    if stream is None:
        return
    for layer, block in stream.blocks.items():
        arrives = _own(run, partial(stream.arrives, layer))
        yield block.register_forward_pre_hook(arrives, prepend=True, with_kwargs=True)
        enters = _own(run, partial(stream.enters, layer))
        yield block.register_forward_pre_hook(enters, with_kwargs=True)


def _after_handlers(run: object, stream: Stream | None) -> Iterator[RemovableHandle]:
    """The stream's hooks on what blocks give, after everybody's."""
    if stream is None:
        return
    for layer, block in stream.blocks.items():
        leaves = partial(stream.leaves, layer)
        yield block.register_forward_hook(_own(run, lambda _, out, leaves=leaves: leaves(out)))


def _own(run: object, see: Callable[..., Any]) -> Callable[..., Any]:
    """A hook that is for this run alone."""

    def hook(_module: nn.Module, *shown: Any) -> Any:
        return see(*shown) if _is_innermost(run) else None

    return hook


def _watched(run: object, products: Sequence[tuple[HookPoint, Handler]]) -> WatchedProducts:
    watches: dict[nn.Module, list[Handler]] = {}
    for point, handler in products:
        watches.setdefault(point.module, []).append(partial(_on_product, run, point, handler))
    return WatchedProducts(watches)


def _on_product(run: object, point: HookPoint, handler: Handler, product: Tensor) -> Tensor | None:
    return _handled(point, handler, product) if _is_innermost(run) else None


def _is_innermost(run: object) -> bool:
    stack = getattr(_under_way, "stack", ())
    return bool(stack) and stack[-1] is run


def _handled(point: HookPoint, handler: Handler, raw: Tensor) -> Tensor | None:
    """The module's tensor with the site's new value in it, or None if it was left."""
    new = handler(point.read(raw))
    return None if new is None else point.write(raw, new)
