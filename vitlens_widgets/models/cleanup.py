"""Changes that are undone whatever happens: also after an interrupt at any instruction.

`with` alone does not see to that: Ctrl-C may come when `__enter__` has made its change but has not
returned, or before `__exit__` has begun. So a change is written down before it is made, and what a
function owes when it fails is done by `clean` around it. An error or interrupt that comes while
nothing has failed is thereby met wherever it comes; further presses of Ctrl-C only begin the
cleaning up again.
"""

# pyright: reportPrivateUsage=false
# Torch has no public way to see or set the stack of function modes, nor to find a hook by itself.
from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from functools import partial, wraps
from operator import methodcaller
from traceback import clear_frames
from typing import Any, NamedTuple, ParamSpec, TypeAlias, TypeVar

import torch
from torch import nn
from torch.overrides import TorchFunctionMode, _get_current_function_mode_stack

from vitlens_widgets.models.foreign import Foreign

P = ParamSpec("P")
R = TypeVar("R")
BeforeHook: TypeAlias = Callable[[nn.Module, tuple[Any, ...], dict[str, Any]], Any]
AfterHook: TypeAlias = Callable[[nn.Module, tuple[Any, ...], Any], Any]


class _Owed(threading.local):
    """What this thread has yet to undo, in the order in which it was changed."""

    def __init__(self) -> None:
        self.cleanups: list[Cleanup] = []


_owed = _Owed()

# Hooks that are on models for a while, by their place in memory, whichever thread put them on.
_on_for_a_while: set[int] = set()


class Cleanup:
    """While entered, a change may be made that is undone at the end.

    To be entered in a function that is `clean`, or in a context manager that is.

    Args:
        undo: Undoes it; also right if the change was not made, only in part, or is undone already.
    """

    def __init__(self, undo: Callable[[], object]) -> None:
        self._undo = undo

    def __enter__(self) -> None:
        """Write it down."""
        _owed.cleanups.append(self)

    def __exit__(self, *_: object) -> None:
        """Undo it, unless that was done: a generator that was cut off ends at any later time."""
        if self in _owed.cleanups:
            self._undo()
            _owed.cleanups.remove(self)


def clean(function: Callable[P, R]) -> Callable[P, R]:
    """Make a function leave nothing behind when it fails, wherever that may be.

    Undone are the changes of every `Cleanup` entered in it, and those of torch's switches for this
    thread: gradients, autocast and modes.
    """

    @wraps(function)
    def cleaned(*args: P.args, **kwargs: P.kwargs) -> R:
        n, switches, before = len(_owed.cleanups), _switches(), sys.exc_info()[1]
        try:
            return function(*args, **kwargs)
        except BaseException as error:
            owed = n, switches, error, before
            try:
                _clean_up(*owed)
            except KeyboardInterrupt:  # pressed where it is entered, or between two of its tries
                try:
                    _clean_up(*owed)
                except KeyboardInterrupt:
                    _clean_up(*owed)
            raise

    return cleaned


class _Switches(NamedTuple):
    """torch's switches for this thread."""

    gradients: bool
    autocast: tuple[bool, ...]
    autocast_cache: bool
    nesting: int
    """Of autocast: where it is not back at 0, weights that were cast are kept for ever."""
    modes: list[TorchFunctionMode]


_DEVICES = ("cpu", "cuda")


def _switches() -> _Switches:
    return _Switches(
        torch.is_grad_enabled(),
        tuple(map(torch.is_autocast_enabled, _DEVICES)),
        torch.is_autocast_cache_enabled(),
        _nesting(),
        _get_current_function_mode_stack() if torch._C._len_torch_function_stack() else [],
    )


def _raised(error: BaseException, before: BaseException | None = None) -> list[BaseException]:
    """An error and those on whose way out it was raised, to the one that was there before."""
    chain: list[BaseException] = []
    found: BaseException | None = error
    while found is not None and found is not before and found not in chain:
        chain.append(found)
        found = found.__context__
    return chain


def _may_be_cut_off(raised: Sequence[BaseException]) -> bool:
    """Whether a generator may have been: else the frames stay as they are, for debuggers."""
    return len(raised) > 1 or not isinstance(raised[0], Exception)


def _let_go(raised: Sequence[BaseException]) -> None:
    """End the generators that were cut off on the way to these errors."""
    for error in raised:
        clear_frames(error.__traceback__)


def _clean_up(
    n: int, switches: _Switches, error: BaseException, before: BaseException | None
) -> None:
    """Undo what is owed beyond the first `n`, the latest first, and set the switches.

    Generators that were cut off (torch and others have such context managers) would else end, and
    undo what they did, whenever the traceback is given up: so they end now. It also lets go of what
    an interrupted run has computed, to which a notebook would hold on.
    """
    while True:
        try:
            raised = _raised(error, before)
            if _may_be_cut_off(raised) or len(_owed.cleanups) > n or _switches() != switches:
                _let_go(raised)
            while len(_owed.cleanups) > n:
                _owed.cleanups[-1].__exit__()
            _switch(switches)
        except KeyboardInterrupt:  # pressed again; the first one goes on
            continue
        return


def _nesting() -> int:
    both = (torch.autocast_increment_nesting, torch.autocast_decrement_nesting)
    return list(map(methodcaller("__call__"), both))[-1]  # in C: no interrupt comes between


def _switch(to: _Switches) -> None:
    torch.set_grad_enabled(to.gradients)
    if _switches() == to:
        return
    for device, on in zip(_DEVICES, to.autocast, strict=True):
        torch.set_autocast_enabled(device, on)
    torch.set_autocast_cache_enabled(to.autocast_cache)
    while _nesting() > to.nesting:
        torch.autocast_decrement_nesting()
    while _nesting() < to.nesting:
        torch.autocast_increment_nesting()
    torch.clear_autocast_cache()
    _set_modes(to.modes)


def _set_modes(modes: Sequence[TorchFunctionMode]) -> None:
    while torch._C._len_torch_function_stack():
        torch._C._pop_torch_function_stack()
    for mode in modes:
        torch._C._push_on_torch_function_stack(mode)


@contextmanager
def entered(mode: TorchFunctionMode) -> Generator[None]:
    """While this lasts, the mode is entered; for a function that is `clean`."""
    with Cleanup(partial(_leave, mode)):
        mode.__enter__()
        try:
            yield
        except BaseException as error:
            _let_go(_raised(error))  # torch's own generators take modes off for a while
            raise


def _leave(mode: TorchFunctionMode) -> None:
    """Also where it is no longer, or not yet, the innermost."""
    modes = _get_current_function_mode_stack()
    if mode in modes:
        _set_modes([other for other in modes if other is not mode])


class Hooks:
    """Hooks on modules that come off together.

    A hook is known by itself, so that one whose handle was never handed over comes off as well.
    """

    def __init__(self) -> None:
        self._on: list[tuple[Foreign, Callable[..., Any]]] = []

    def before(self, module: nn.Module, hook: BeforeHook, *, first: bool = False) -> None:
        """Call `hook(module, args, kwargs)` before the module runs, `first` before other hooks."""
        self._note(module, hook)
        module.register_forward_pre_hook(hook, prepend=first, with_kwargs=True)

    def after(self, module: nn.Module, hook: AfterHook, *, first: bool = False) -> None:
        """Call `hook(module, args, output)` when the module has run, `first` before other hooks."""
        self._note(module, hook)
        module.register_forward_hook(hook, prepend=first)

    def take_off(self) -> None:
        """Take all of them off, and leave those of others."""
        for module, hook in self._on:
            _take_off(module._forward_pre_hooks, module._forward_pre_hooks_with_kwargs, hook)
            _take_off(module._forward_hooks, module._forward_hooks_with_kwargs, hook)
        _on_for_a_while.difference_update(id(hook) for _, hook in self._on)

    def _note(self, module: nn.Module, hook: Callable[..., Any]) -> None:
        self._on.append((module, hook))
        _on_for_a_while.add(id(hook))


def is_users(hook: Callable[..., Any]) -> bool:
    """Whether a hook is none of those that this package puts on for a while."""
    return id(hook) not in _on_for_a_while


@contextmanager
def hooking() -> Generator[Hooks]:
    """While this lasts, hooks can be put on that come off at its end; in a function `clean`."""
    hooks = Hooks()
    with Cleanup(hooks.take_off):
        yield hooks


def _take_off(
    hooks: dict[int, Callable[..., Any]], flags: dict[int, bool], hook: Callable[..., Any]
) -> None:
    for key in [key for key, other in list(hooks.items()) if other is hook]:
        flags.pop(key, None)  # before the hook, by which the flag is known
        hooks.pop(key, None)
