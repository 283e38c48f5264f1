"""Where a worker computes: each on a GPU of its own, where there are several."""

from __future__ import annotations

import os
import tempfile
from functools import cache
from pathlib import Path
from typing import IO, Any

import torch

_held: list[IO[Any]] = []  # open as long as this process lives: so are their locks


@cache
def own_device() -> torch.device:
    """The device of this process: the first GPU that no other worker of this machine has.

    Where all are taken, they are shared out by the process's number. A scheduler that shows each
    worker one GPU (`CUDA_VISIBLE_DEVICES`) has decided already.
    """
    if torch.backends.mps.is_available():
        return torch.device("mps")
    n_gpus = torch.cuda.device_count()
    if not n_gpus:
        return torch.device("cpu")
    free = (i for i in range(n_gpus) if n_gpus > 1 and _claimed(i))
    device = torch.device("cuda", next(free, os.getpid() % n_gpus))
    torch.cuda.set_device(device)
    return device


def _claimed(number: int) -> bool:
    """Whether this process could take the lock of a GPU."""
    try:
        import fcntl  # not on Windows
    except ImportError:
        return False
    user = os.getuid()
    file = (Path(tempfile.gettempdir()) / f"vitlens-{user}-gpu-{number}.lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return False
    _held.append(file)
    return True
