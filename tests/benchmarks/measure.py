"""Time and peak memory of one thing beside another, measured in turns in the same run."""

from __future__ import annotations

import gc
import json
import multiprocessing
import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


def interleaved(candidates: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Median seconds of each candidate, run in turns so that a slow minute hits all alike."""
    return {name: wall for name, (wall, _) in timed(candidates, repeats).items()}


def timed(
    candidates: Mapping[str, Callable[[], object]], repeats: int
) -> dict[str, tuple[float, float]]:
    """Median seconds of each, (wall, all processors), in turns.

    The first turn warms up; without repeats it counts, for what takes minutes. What a candidate
    has to get ready each time, its `prepare`, is not counted.
    """
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in candidates}
    for turn in range(repeats + 1):
        for name, candidate in candidates.items():
            getattr(candidate, "prepare", lambda: None)()
            before = time.perf_counter(), time.process_time()
            candidate()
            after = time.perf_counter(), time.process_time()
            if turn or not repeats:
                found[name].append((after[0] - before[0], after[1] - before[1]))
    return {
        name: (statistics.median(w for w, _ in both), statistics.median(c for _, c in both))
        for name, both in found.items()
    }


class Kept:
    """A call whose last result is kept in `found`.

    Args:
        call: What is called, without arguments.
    """

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call, self.found = call, None

    def __call__(self) -> None:
        """Once more."""
        self.found = self._call()


def beside_forward(
    ways: Mapping[str, Callable[[], object]], repeats: int, **about: object
) -> list[dict[str, object]]:
    """A row for each way: what it is about, its median seconds, and how many bare passes those are.

    Wall time, and the time of all processors, which other work on the machine does not lengthen.

    Args:
        ways: By name; one is called "forward".
        repeats: How often each is timed.
        **about: Columns that all rows have in common.
    """
    seconds = timed(ways, repeats)
    wall_of_one, cpu_of_one = seconds["forward"]
    return [
        {
            **about,
            "way": way,
            "s": round(wall, 2),
            "ratio to bare forward": round(wall / wall_of_one, 2),
            "s of processors": round(cpu, 2),
            "their ratio": round(cpu / cpu_of_one, 2),
        }
        for way, (wall, cpu) in seconds.items()
    ]


def peak_mib(prepare_and_run: Callable[[], None]) -> float:
    """Peak resident memory in MiB of a fresh process that calls this."""
    return _in_fresh_process(_report_peak, prepare_and_run)


def _in_fresh_process(report: Callable[..., None], what: Callable) -> float:
    """What `report(what, send)` sends."""
    context = multiprocessing.get_context("spawn")
    receive, send = context.Pipe(duplex=False)
    process = context.Process(target=report, args=(what, send))
    process.start()
    found = receive.recv()
    process.join()
    return found


def _report_peak(prepare_and_run: Callable[[], None], send: object) -> None:
    prepare_and_run()
    send.send(_own_peak_kib() / 1024)


def added_mib(prepare: Callable[[], Callable[[], object]]) -> float:
    """Peak resident memory in MiB that a call adds, the first in a fresh process.

    What it took for a while to prepare it does not hide what the call takes. Linux only.
    """
    return _in_fresh_process(_report_added, prepare)


def _report_added(prepare: Callable[[], Callable[[], object]], send: object) -> None:
    call = prepare()
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the peak is from now on what is resident now
    before = _own_peak_kib()
    call()
    send.send((_own_peak_kib() - before) / 1024)


def _own_peak_kib() -> float:
    """Peak resident memory; Linux's ru_maxrss would start from that of the parent process."""
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text().splitlines()
        return float(next(line.split()[1] for line in lines if line.startswith("VmHWM:")))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1024 if sys.platform == "darwin" else peak


def table(rows: list[dict[str, object]]) -> str:
    """Rows as a Markdown table."""
    names = list(rows[0])
    lines = [" | ".join(names), " | ".join("---" for _ in names)]
    lines += [" | ".join(str(row[name]) for name in names) for row in rows]
    return "\n".join(f"| {line} |" for line in lines)


def machine() -> str:
    """What the figures were measured on."""
    import platform

    import torch

    said = {"torch": torch.__version__, "threads": torch.get_num_threads()}
    return json.dumps({"processor": platform.processor() or platform.machine(), **said})
