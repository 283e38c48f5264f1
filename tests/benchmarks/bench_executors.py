"""What several workers gain, what their scheduling costs, and what a killed one loses.

    OMP_NUM_THREADS=1 python -m tests.benchmarks.bench_executors measured --images 200
    python -m tests.benchmarks.bench_executors simulated --seconds 0.05

`measured` runs a model of random weights over JPEG files of 500 x 375 pixels: a bare loop over a
DataLoader, and identifiability by one process, by Dask's workers and by a process pool, warm; the
efficiency is the time of one process over the workers' together; where other programs hold the
cores, the CPU seconds of all processes say more. Memory is that of all processes
(PSS), at its peak. `simulated` gives 1 to 64 workers a model that only sleeps, so that what is left
over is the scheduler's cost: of this package's own loop, and of Dask's scheduler below it.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from PIL import Image
from torch.utils.data import DataLoader

import vitlens_widgets as vl
from tests.benchmarks.measure import machine, table
from vitlens_widgets.analysis.stream import run
from vitlens_widgets.analysis.stream.run import BatchMeasure
from vitlens_widgets.data import Examples
from vitlens_widgets.trace.example_batches import batches
from vitlens_widgets.workers.order import Order, Part, ShardAnswer

_AT_ONCE = 16
_DISTINCT = 100
_KILL_SECONDS = 12.0
SPAWN = multiprocessing.get_context("spawn")


def files_of(folder: Path, n_images: int) -> Examples:
    """Scenes as JPEG files of a photograph's size."""
    for number in range(min(n_images, _DISTINCT)):
        picture = Image.fromarray(np.asarray(vl.world.scene(seed=number).image))
        picture.resize((500, 375)).save(folder / f"{number}.jpg", quality=90)
    items = [(folder / f"{number % _DISTINCT}.jpg", number % 1000) for number in range(n_images)]
    return Examples(items, "imagenet-1k", "scenes as files")


class Files(torch.utils.data.Dataset):
    """The same for a DataLoader, prepared as the model asks."""

    def __init__(self, vit: vl.ViT, data: Examples) -> None:
        self._preprocessing, self._data = vit.preprocessing, data

    def __len__(self) -> int:
        return len(self._data)

    def __getitem__(self, number: int) -> torch.Tensor:
        picture = vl.read_image(self._data[number].image)
        return self._preprocessing.of(picture)


@torch.inference_mode()
def bare(vit: vl.ViT, data: Examples, n_loaders: int) -> None:
    """The model over a DataLoader, and nothing else."""
    for pixels in DataLoader(Files(vit, data), _AT_ONCE, num_workers=n_loaders):
        vit.model(pixels)


def identifiability(
    vit: vl.ViT, data: Examples, executor: Any = None, n_images: int | None = None
) -> Any:
    """The experiment."""
    words = {"n_images": n_images, "batch_size": _AT_ONCE, "executor": executor}
    return vl.analysis.identifiability(vit, data, **words)


@contextmanager
def watched() -> Iterator[list[float]]:
    """The peak memory of this process and its children, MiB, while this lasts."""
    found, ended = [0.0], threading.Event()

    def look() -> None:
        me = psutil.Process()
        while not ended.wait(0.5):
            every = [me, *me.children(recursive=True)]
            found[0] = max(found[0], sum(map(_memory, every)) / 2**20)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()


def _memory(process: psutil.Process) -> float:
    try:
        return process.memory_full_info().pss
    except (psutil.Error, AttributeError):
        return 0.0


def timed(call: Callable[[], Any]) -> dict[str, Any]:
    """Seconds and peak memory of a call, and what it gives."""
    with watched() as peak:
        begun, used = time.perf_counter(), _cpu_seconds()
        given = call()
        seconds, used = time.perf_counter() - begun, _cpu_seconds() - used
    whole = {"seconds": round(seconds, 1), "CPU s": round(used, 1), "peak MiB": round(peak[0])}
    return {**whole, "given": given}


def _cpu_seconds() -> float:
    """What this process and its children have computed, those that have ended among them."""
    me = psutil.Process()
    found = sum(me.cpu_times()[:4])  # its own, and of children that were waited for
    for child in me.children(recursive=True):
        with suppress(psutil.Error):
            found += sum(child.cpu_times()[:2])
    return found


def lost_to_images(vit: vl.ViT, data: Examples) -> dict[str, Any]:
    """How long the model waits for images, with the background reader and without."""
    n, begun = len(data), time.perf_counter()
    for batch in batches(vit, data, 0, n, _AT_ONCE):
        del batch
    reading = time.perf_counter() - begun
    waited, begun = 0.0, time.perf_counter()
    with closing(batches(vit, data, 0, n, _AT_ONCE)) as every, torch.inference_mode():
        for _ in range(-(-n // _AT_ONCE)):
            before = time.perf_counter()
            batch = next(every)
            waited += time.perf_counter() - before
            vit.model(batch.pixels)
    whole = time.perf_counter() - begun
    return {
        "reading alone, s": round(reading, 1),
        "loop, s": round(whole, 1),
        "waited for images, s": round(waited, 2),
        "share lost": f"{waited / whole:.1%}",
    }


def killed(vit: vl.ViT, data: Examples, expected: Any) -> dict[str, Any]:
    """A pool of which a worker is killed in the middle."""
    with ProcessPoolExecutor(2, mp_context=SPAWN) as pool:
        identifiability(vit, data, pool, 2 * _AT_ONCE)  # warm

        def kill() -> None:
            os.kill(next(iter(pool._processes)), signal.SIGKILL)

        timer = threading.Timer(_KILL_SECONDS, kill)
        timer.start()
        found = timed(partial(identifiability, vit, data, pool))
        timer.join()
    same = found.pop("given").table().equals(expected)
    return {
        "way": f"pool of 2, one killed after {_KILL_SECONDS:.0f} s",
        **found,
        "same numbers": same,
    }


def measured(model: str, n_images: int) -> None:
    """The tables on this machine's cores."""
    vit = vl.load(model, pretrained=False, labels="imagenet-1k")
    with tempfile.TemporaryDirectory() as folder:
        data = files_of(Path(folder), n_images)
        ways = {
            "bare loop, DataLoader": partial(bare, vit, data, 0),
            "bare loop, DataLoader of 1 process": partial(bare, vit, data, 1),
            "1 process": partial(identifiability, vit, data),
        }
        rows: list[dict[str, Any]] = []
        for way, call in ways.items():
            rows.append({"way": way, **timed(call)})
            print(filled(rows)[-1], flush=True)
        one, expected = rows[-1]["seconds"], rows[-1]["given"].table()
        pool = partial(ProcessPoolExecutor, 2, mp_context=SPAWN)
        for way, executor in (("2 Dask workers", partial(vl.cluster, 2)), ("pool of 2", pool)):
            with executor() as given:
                cold = timed(partial(identifiability, vit, data, given, 2 * _AT_ONCE))
                row = timed(partial(identifiability, vit, data, given))
            same = row["given"].table().equals(expected)
            row |= {"efficiency": f"{one / 2 / row['seconds']:.0%}", "same numbers": same}
            rows.append({"way": way, "first 32 images, s": cold["seconds"], **row})
            print(filled(rows)[-1], flush=True)
        rows.append(killed(vit, data, expected))
        print(table(filled(rows)))
        print(table([lost_to_images(vit, data)]))


def filled(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with the same columns, without what calls gave."""
    names = dict.fromkeys(name for row in rows for name in row if name != "given")
    return [{name: row.get(name, "") for name in names} for row in rows]


class Sums(BatchMeasure):
    """Tallies of the size of identifiability's on a model of 12 blocks."""

    name = "sums"
    settings: dict[str, Any] = {}  # noqa: RUF012

    def measure(self, _batch: Any) -> dict[str, np.ndarray]:
        """Never called: workers sleep."""
        raise NotImplementedError


def asleep(seconds: float, order: Order) -> ShardAnswer:
    """What a worker answers that has a model which sleeps."""
    parts = []
    for first in range(order.start, order.stop, order.batch_size):
        time.sleep(seconds)
        stop = min(first + order.batch_size, order.stop)
        parts.append(Part(first, stop, {f"tally {i}": np.ones((6, 13)) for i in range(8)}))
    return ShardAnswer(parts, "asleep")


class Sleepers(Executor):
    """Workers that sleep, as threads, or of Dask's."""

    def __init__(self, n_workers: int, seconds: float, under: Any) -> None:
        self._under, self._seconds, self._max_workers = under, seconds, n_workers

    def submit(self, _work: Any, /, *args: Any, **_words: Any) -> Future[Any]:
        """Sleep in place of the work."""
        words = {"pure": False} if hasattr(self._under, "_client") else {}
        return self._under.submit(asleep, self._seconds, *args, **words)


def simulated(seconds: float, batches_each: int, counts: list[int]) -> None:
    """What scheduling costs."""
    import distributed

    vit, rows = vl.load("toy/p32"), []
    for n_workers in counts:
        n_images = n_workers * batches_each * _AT_ONCE
        ideal = batches_each * seconds
        words = {"n_images": n_images, "batch_size": _AT_ONCE}
        row: dict[str, Any] = {"workers": n_workers, "images": n_images, "ideal, s": ideal}
        with ThreadPoolExecutor(n_workers) as threads:
            sleepers = Sleepers(n_workers, seconds, threads)
            wall = timed(partial(run, Sums(), vit, vl.world.Scenes(), executor=sleepers, **words))
            row["own loop"] = f"{ideal / wall['seconds']:.0%}" if wall["seconds"] else ""
        cluster = distributed.LocalCluster(
            n_workers=n_workers,
            threads_per_worker=1,
            processes=False,
            memory_limit=0,  # they share this process's memory: each would be paused for all of it
            dashboard_address=None,
        )
        with cluster, distributed.Client(cluster) as client:
            sleepers = Sleepers(n_workers, seconds, client.get_executor())
            wall = timed(partial(run, Sums(), vit, vl.world.Scenes(), executor=sleepers, **words))
            row["with Dask below"] = f"{ideal / wall['seconds']:.0%}" if wall["seconds"] else ""
        rows.append(row)
        print(row, flush=True)
    print(f"A batch of {_AT_ONCE} takes {seconds} s.")
    print(table(rows))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["measured", "simulated"])
    parser.add_argument("--model", default="vit_base_patch32_224")
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--batches", type=int, default=32)
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2, 4, 8, 16, 32, 64])
    args = parser.parse_args()
    print(machine())
    if args.what == "measured":
        measured(args.model, args.images)
    else:
        simulated(args.seconds, args.batches, args.workers)


if __name__ == "__main__":
    main()
