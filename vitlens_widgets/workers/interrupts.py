"""Ctrl-C reaches all processes of a terminal or a notebook; whoever asked decides what stops."""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def none_in_a_worker() -> Generator[None]:
    """A process that was started to work, by whomever, does not hear Ctrl-C while this lasts."""
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or multiprocessing.parent_process() is None:
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
