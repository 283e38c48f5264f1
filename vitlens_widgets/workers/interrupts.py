"""Ctrl-C reaches all processes of a terminal or a notebook; whoever asked decides what stops."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from types import FrameType
from typing import Any, TypeVar

from vitlens_widgets.workers.order import Order

Made = TypeVar("Made")

DEAF = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
"""What a new process runs to hear no Ctrl-C, where that cannot be handed down."""
HANDED_DOWN = hasattr(signal, "pthread_sigmask")
"""Whether a process hears what the thread that starts it hears: on all systems but Windows."""
_AFTERWARDS = 2.0


@contextmanager
def not_heard(order: Order) -> Generator[None]:
    """A process that was started to work hears no Ctrl-C meanwhile, nor between a run's orders.

    Afterwards, what was there before hears it. For the main thread; others hear none.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if order.is_own or not is_main:
        yield
        return
    handler = _handler()
    if handler is not None:
        handler.begin(order)
    if HANDED_DOWN:  # to a process that was begun for this run
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        if handler is not None:
            handler.end()


def _handler() -> _Handler | None:
    """This process's handler, there from now on; None where Ctrl-C is not heard anyway."""
    now = signal.getsignal(signal.SIGINT)
    if isinstance(now, _Handler):
        return now
    if now is signal.SIG_IGN or now is None:
        return None
    handler = _Handler(now)
    signal.signal(signal.SIGINT, handler)
    return handler


class _Handler:
    """Hears Ctrl-C and does nothing, as long as there is a run to work for.

    Args:
        before: What hears it otherwise.
    """

    def __init__(self, before: Any) -> None:
        self._before = before
        self._order: Order | None = None
        self._until = 0.0

    def begin(self, order: Order) -> None:
        """An order is worked at."""
        self._order, self._until = order, float("inf")

    def end(self) -> None:
        """It is done, and the next one may follow."""
        self._until = time.monotonic() + _AFTERWARDS

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Ctrl-C was pressed."""
        is_on = self._order is not None and self._order.is_on()
        if is_on or time.monotonic() < self._until:
            return
        if callable(self._before):
            self._before(number, frame)
            return
        signal.signal(number, self._before)
        signal.raise_signal(number)


@contextmanager
def handed_down() -> Generator[None]:
    """Threads and processes that are started meanwhile hear no Ctrl-C; this thread does after it.

    Where Ctrl-C is pressed meanwhile, it is heard at the end.
    """
    if not HANDED_DOWN:
        yield
        return
    resource_tracker.ensure_running()  # when it starts, older Pythons let Ctrl-C in again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def started(make: Callable[[], Made], close: Callable[[Made], object]) -> Made:
    """What `make` makes, whose threads and processes hear no Ctrl-C, also those of later.

    It is made in a thread of its own, so that the wait for it ends with Ctrl-C.

    Args:
        make: Makes it.
        close: Ends it, where nobody waits for it any more.
    """

    def end(late: Future[Made]) -> None:
        with suppress(Exception):
            close(late.result())

    starter, made = ThreadPoolExecutor(1), list[Future[Made]]()
    try:
        with handed_down():
            made.append(starter.submit(make))
        return made[0].result()
    except BaseException:
        for future in made:
            future.add_done_callback(end)
        raise
    finally:
        starter.shutdown(wait=False)
