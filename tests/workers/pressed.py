"""A program that somebody presses Ctrl-C in: `python -m tests.workers.pressed KIND FILE SECONDS`.

It runs an experiment by workers, says when they are at it, and prints the sums at the end. `KIND`
is what starts them: cluster, spawn, fork or used, a pool that has worked for others before.
"""

from __future__ import annotations

import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor

import vitlens_widgets as vl
from tests.workers.data_sets import Sums
from vitlens_widgets.analysis.stream import run

N = 40


class Talking(Sums):
    """It says how far it is, as soon as the second batch is there."""

    def join(self, tallies, more):
        if tallies:
            print("at it", flush=True)
        return super().join(tallies, more)


def executor(kind):
    """Two workers of this kind."""
    if kind == "cluster":
        return vl.cluster(2)
    context = multiprocessing.get_context("fork" if kind == "fork" else "spawn")
    pool = ProcessPoolExecutor(2, mp_context=context)
    if kind == "used":
        list(pool.map(abs, range(4)))
    return pool


def main(kind, file, seconds):
    """Run it."""
    vit, data = vl.load("toy/p32"), vl.world.Scenes(seed=1)
    words = {"n_images": N, "batch_size": 1, "save_to": file}
    with executor(kind) as workers:
        found = run(Talking(float(seconds)), vit, data, executor=workers, **words)
    print(found.tallies["pixels"].sum(), *found.tallies["classes"])


if __name__ == "__main__":
    main(*sys.argv[1:])
