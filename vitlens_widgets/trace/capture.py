"""Hooks on a forward pass that come off again, whatever happens."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Hashable, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from vitlens_widgets.models.cleanup import Cleanup, Hooks, entered
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
) -> Generator[None]:
    """While this lasts, each handler sees its site in the forward pass and may change it.

    The hooks come off at the end, and whatever happens if this is entered in a function that is
    `clean`.

    Args:
        points: Where the sites show.
        handlers: What to do at them.
        stream: Who follows the residual stream, around all handlers.
    """
    run = Hooks()
    parts = [part for key, handler in handlers.items() for part in by_part(points[key], handler)]
    products = [(point, handler) for point, handler in parts if point.side == "linear"]
    with Cleanup(partial(_end, run)):
        _runs().append(run)
        _put_before(run, stream)
        for point, handler in parts:
            if point.side != "linear":
                _put(run, point, handler)
        with entered(_watched(run, products)) if products else nullcontext():
            _put_after(run, stream)
            yield


@contextmanager
def watching(
    points: Mapping[Key, AnyHookPoint], seen: Callable[[Key, Tensor], None]
) -> Generator[None]:
    """While this lasts, call `seen(key, value)` whenever a hooked value shows."""
    with handling(points, {key: partial(seen, key) for key in points}):
        yield


def kept_copy(value: Tensor) -> Tensor:
    """The value in memory of its own, since the model may go on to change it in place."""
    return value.detach().clone(memory_format=torch.contiguous_format)


def _runs() -> list[Hooks]:
    return _under_way.__dict__.setdefault("stack", [])


def _end(run: Hooks) -> None:
    run.take_off()
    if run in _runs():
        _runs().remove(run)


def _put(run: Hooks, point: HookPoint, handler: Handler) -> None:
    # kwargs may be missing for another thread that comes by while the hook is put on or taken off
    def on_input(
        _module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any] | None = None
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        if not _is_innermost(run):
            return None
        if args:
            new = _handled(point, handler, args[0])
            return None if new is None else ((new, *args[1:]), kwargs or {})
        kwargs = kwargs or {}
        name, raw = next(iter(kwargs.items()))  # called with its state as a keyword
        new = _handled(point, handler, raw)
        return None if new is None else (args, {**kwargs, name: new})

    def on_output(
        _module: nn.Module, _args: tuple[Any, ...], output: Tensor | tuple[Any, ...]
    ) -> Any:
        if not _is_innermost(run):
            return None
        if not isinstance(output, tuple):
            return _handled(point, handler, output)
        new = _handled(point, handler, output[0])
        return None if new is None else (new, *output[1:])

    if point.side == "input":
        run.before(point.module, on_input)
    else:
        run.after(point.module, on_output)


def _put_before(run: Hooks, stream: Stream | None) -> None:
    """The stream's hooks on what blocks read: before anybody's hooks, and after the user's."""
    if stream is None:
        return
    for layer, block in stream.blocks.items():
        run.before(block, _own(run, partial(stream.arrives, layer)), first=True)
        run.before(block, _own(run, partial(stream.enters, layer)))


def _put_after(run: Hooks, stream: Stream | None) -> None:
    """The stream's hooks on what blocks give, after everybody's."""
    if stream is None:
        return
    for layer, block in stream.blocks.items():
        run.after(block, _own(run, partial(_with_output, partial(stream.leaves, layer))))


def _with_output(see: Callable[[Any], None], _args: tuple[Any, ...], output: Any) -> None:
    see(output)


def _own(run: Hooks, see: Callable[..., Any]) -> Callable[..., Any]:
    """A hook that is for this run alone."""

    def hook(_module: nn.Module, *shown: Any) -> Any:
        return see(*shown) if _is_innermost(run) else None

    return hook


def _watched(run: Hooks, products: Sequence[tuple[HookPoint, Handler]]) -> WatchedProducts:
    watches: dict[nn.Module, list[Handler]] = {}
    for point, handler in products:
        watches.setdefault(point.module, []).append(partial(_on_product, run, point, handler))
    return WatchedProducts(watches)


def _on_product(run: Hooks, point: HookPoint, handler: Handler, product: Tensor) -> Tensor | None:
    return _handled(point, handler, product) if _is_innermost(run) else None


def _is_innermost(run: Hooks) -> bool:
    stack = getattr(_under_way, "stack", ())
    return bool(stack) and stack[-1] is run


def _handled(point: HookPoint, handler: Handler, raw: Tensor) -> Tensor | None:
    """The module's tensor with the site's new value in it, or None if it was left."""
    new = handler(point.read(raw))
    return None if new is None else point.write(raw, new)
