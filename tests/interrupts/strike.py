"""Strikes a call at one of its instructions, or after a time: as Ctrl-C does, or with an error."""

from __future__ import annotations

import gc
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable
from types import FrameType
from typing import Any, NamedTuple

OURS = (
    "/vitlens_widgets/",
    "/contextlib.py",
    "/torch/utils/_contextlib.py",
    "/torch/utils/hooks.py",
    "/torch/autograd/grad_mode.py",
    "/torch/nn/modules/module.py",
    "/torch/overrides.py",
    "/torch/amp/autocast_mode.py",
)
"""Files in which hooks are put on, and switches of torch are changed and restored."""

_CHANCE = random.Random(0)  # its own: Python's must stand as before

ALL = ("/",)
"""Every file with a path, the model's own code included."""

LOCKS = ("/threading.py", "/queue.py", "/concurrent/futures/", "/logging/__init__.py")
"""Of Python itself: `with lock` that is struck in its middle keeps the lock, and what asks for it
next waits for ever. Nobody above can undo that."""


class Struck(NamedTuple):
    """What became of a call."""

    seen: int
    """How many instructions ran before it ended."""
    error: str
    """What it raised, with where; empty if it came to its end."""


def ctrl_c() -> None:
    """What Jupyter's "interrupt" and Ctrl-C send, dealt with at once."""
    signal.raise_signal(signal.SIGINT)


def raising(kind: type[BaseException]) -> Callable[[], None]:
    """Raises an error of this kind."""

    def strike() -> None:
        raise kind("struck")

    return strike


def struck_at(
    call: Callable[[], object],
    at: int | None,
    strike: Callable[[], None] = ctrl_c,
    files: tuple[str, ...] = OURS,
) -> Struck:
    """Run a call and strike before its instruction number `at`, counted in some files; None: never.

    What `strike` raises comes up where that instruction would have run.
    """
    seen = 0

    def instruction(_frame: FrameType, event: str, _arg: Any) -> Any:
        nonlocal seen
        if event == "opcode":
            seen += 1
            if seen == at:
                strike()
        return instruction

    def called(frame: FrameType, _event: str, _arg: Any) -> Any:
        name = frame.f_code.co_filename
        may_be = name != __file__ and not any(part in name for part in LOCKS)
        if not may_be or not any(part in name for part in files):
            return None
        frame.f_trace_lines, frame.f_trace_opcodes = False, True
        return instruction

    before = sys.gettrace()
    gc.disable()  # what a finaliser raises is printed, not raised
    sys.settrace(called)
    try:
        call()
    except BaseException as error:
        return Struck(seen, _said(error))
    finally:
        sys.settrace(before)
        gc.enable()
    return Struck(seen, "")


def struck_after(call: Callable[[], object], seconds: float, times: int = 1) -> Struck:
    """Run a call and press Ctrl-C that much later, `times` times at as short intervals as it gets.

    Python deals with the signal where it does so of itself.
    """
    left, running = times, True

    def press(*_: Any) -> None:
        nonlocal left
        if not running:
            return
        left -= 1
        if left > 0:
            signal.setitimer(signal.ITIMER_REAL, _CHANCE.uniform(1e-6, 2e-4))
        ctrl_c()

    before = signal.signal(signal.SIGALRM, press)
    error = ""
    try:
        try:
            signal.setitimer(signal.ITIMER_REAL, seconds)
            call()
            running = False
        except BaseException as found:
            running = False
            error = _said(found)
    except KeyboardInterrupt as found:  # pressed again before it was said that nothing runs
        running = False
        error = _said(found)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)
    return Struck(0, error)


def duration(call: Callable[[], object]) -> float:
    """How long a call takes, in seconds."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _said(error: BaseException) -> str:
    """The error and the innermost places of its traceback."""
    places = traceback.extract_tb(error.__traceback__)[-6:]
    lines = [f"{place.filename.rpartition('/')[2]}:{place.lineno} {place.name}" for place in places]
    return f"{type(error).__name__}: {error} at {' > '.join(lines)}"
