"""Rounds of strikes at a call, after each of which everything must stand as before."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch

from tests.interrupts.calls import Call, made
from tests.interrupts.standing import left, standing
from tests.interrupts.strike import (
    ALL,
    OURS,
    Struck,
    ctrl_c,
    duration,
    raising,
    struck_after,
    struck_at,
)

ERRORS = (RuntimeError, MemoryError, torch.OutOfMemoryError)

Way = Callable[[Call, random.Random], Struck]


class Blow(NamedTuple):
    """One strike at a call."""

    struck: Struck
    left: list[str]
    """What stood otherwise afterwards."""


class _AtInstructions:
    """Before any instruction: three times in four where switches are changed, else anywhere."""

    def __init__(self, call: Call, errors: bool) -> None:
        self.errors = errors
        self.counts = {files: struck_at(call.call, None, files=files).seen for files in (OURS, ALL)}

    def __call__(self, call: Call, chance: random.Random) -> Struck:
        files = OURS if chance.random() < 0.75 else ALL
        strike = raising(chance.choice(ERRORS)) if self.errors else ctrl_c
        return struck_at(call.call, chance.randint(1, self.counts[files]), strike, files)


class _AfterATime:
    """When Python deals with the signal of itself; `times` more presses follow at once."""

    def __init__(self, call: Call, times: int) -> None:
        self.times = times
        self.longest = min(duration(call.call) for _ in range(3))

    def __call__(self, call: Call, chance: random.Random) -> Struck:
        return struck_after(call.call, chance.uniform(1e-6, self.longest), self.times)


WAYS: dict[str, Callable[[Call], Way]] = {
    "Ctrl-C at an instruction": lambda call: _AtInstructions(call, errors=False),
    "an error at an instruction": lambda call: _AtInstructions(call, errors=True),
    "Ctrl-C after a time": lambda call: _AfterATime(call, 1),
    "Ctrl-C three times": lambda call: _AfterATime(call, 3),
}


def blows(name: str, way: str, n: int, seed: int = 0) -> Iterator[Blow]:
    """Strike a call `n` times; every tenth time it must then give what it gave before.

    Args:
        name: One of `CALLS`.
        way: One of `WAYS`.
        n: How many times.
        seed: Which instructions.
    """
    chance = random.Random(f"{name} {way} {seed}")
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with made(name) as call:
            strike = WAYS[way](call)
            expected, now = call.call(), standing(*call.modules)
            for i in range(n):
                struck = strike(call, chance)
                before, now = now, standing(*call.modules)
                changed = left(before, now)
                if i % 10 == 9 and not same(expected, call.call()):
                    changed.append("what it gives")
                yield Blow(struck, changed)
    finally:
        signal.signal(signal.SIGINT, usual)


def same(expected: list, found: list) -> bool:
    """Whether two rows of tensors or arrays are equal in every bit."""
    return len(expected) == len(found) and all(map(_equal, expected, found))


def _equal(a: torch.Tensor | np.ndarray, b: torch.Tensor | np.ndarray) -> bool:
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    return np.array_equal(a, b, equal_nan=np.issubdtype(a.dtype, np.floating))
