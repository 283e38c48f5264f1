"""How many threads torch gets, so that it does not fight for cores with itself or with others.

Torch begins with a thread per core, and at the end of every operation each waits for the slowest:
where other programs hold some of the cores, that costs many times what the threads gain.
"""

from __future__ import annotations

import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import torch

from vitlens_widgets.errors import counted, warn
from vitlens_widgets.models.cleanup import Cleanup

_LOOK_SECONDS = 0.1
_SET_BY_HAND = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
_said: set[str] = set()


def cores() -> int:
    """How many cores this process may use: those of its affinity, and of its container's share."""
    affinity = getattr(os, "sched_getaffinity", None)
    mine = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, min(mine, _share(Path("/sys/fs/cgroup/cpu.max"), mine)))


def _share(file: Path, without: int) -> int:
    """The whole cores that a container is allowed."""
    try:
        quota, period = file.read_text().split()
        return without if quota == "max" else int(quota) // int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return without


def set_by_hand() -> bool:
    """Whether the user, or what started this process, has said how many threads there are.

    What was said when torch had begun says nothing: Dask does so, of workers that it starts.
    """
    said = {os.environ.get(name, "").split(",")[0].strip() for name in _SET_BY_HAND}
    return str(torch.get_num_threads()) in said


def threads_of_each(n_workers: int) -> int:
    """How many threads each of several workers on this machine gets."""
    return max(1, cores() // max(1, n_workers))


def busy_cores(seconds: float = _LOOK_SECONDS) -> float:
    """How many of this process's cores do something at the moment; the process itself waits.

    By Linux's own count; elsewhere by the load of the last minute, which is slower to follow.
    """
    before = _idle()
    if before is None:
        load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
        return min(load, float(cores()))
    start = time.monotonic()
    time.sleep(seconds)
    after, passed = _idle() or before, time.monotonic() - start
    idle = (sum(after.values()) - sum(before.values())) / os.sysconf("SC_CLK_TCK") / passed
    return max(0.0, len(before) - idle)


def _idle() -> dict[str, int] | None:
    """The ticks that each core of this process was idle; None where nobody says."""
    try:
        lines = Path("/proc/stat").read_text().splitlines()
        mine = {f"cpu{i}" for i in os.sched_getaffinity(0)}
        rows = (line.split() for line in lines)
        return {row[0]: int(row[4]) + int(row[5]) for row in rows if row[0] in mine}
    except (OSError, AttributeError, IndexError, ValueError):
        return None


def threads_now() -> int:
    """How many threads torch does best with now: as many as there are cores that are free."""
    now = torch.get_num_threads()
    if now == 1 or set_by_hand():
        return now
    most = min(now, cores())
    return max(1, min(most, round(cores() - busy_cores())))


@contextmanager
def threads_that_fit() -> Generator[int]:
    """While this lasts, torch has no more threads than cores are free; said once.

    What the user has set (`OMP_NUM_THREADS`, `MKL_NUM_THREADS`) stays. For a function that is
    `clean`.
    """
    before, now = torch.get_num_threads(), threads_now()
    if now == before:
        yield now
        return
    if "threads" not in _said:
        _said.add("threads")
        warn(
            f"Other programs keep cores of this machine busy, so torch computes with "
            f"{counted(now, 'thread')} here and not with {before}, which would be slower; "
            "OMP_NUM_THREADS, set before Python starts, says otherwise."
        )
    with Cleanup(partial(torch.set_num_threads, before)):
        torch.set_num_threads(now)
        yield now
