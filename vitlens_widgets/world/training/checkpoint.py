"""Saving a training half-way, so that it can be interrupted at any moment."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ...errors import UsageError
from .optimizer import Optimizer


@dataclass(frozen=True)
class Checkpoint:
    """A file that holds a model, its optimiser and the number of steps done.

    Attributes:
        path: The file.
        facts: What the training is, by name; a file of any other is refused.
    """

    path: Path
    facts: Mapping[str, Any]

    def save(self, model: nn.Module, optimizer: Optimizer, done: int) -> None:
        """Write beside the file, then rename: an interrupted save leaves the last one whole."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self.path.with_suffix(".part")
        state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
        torch.save({**state, "done": done, "facts": dict(self.facts)}, unfinished)
        unfinished.replace(self.path)

    def load(self, model: nn.Module, optimizer: Optimizer) -> int:
        """Take up where the file left off; returns the steps done, 0 without a file.

        Raises:
            UsageError: The file is of another training.
        """
        state = self._read()
        if state is None:
            return 0
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        return state["done"]

    def _read(self) -> dict[str, Any] | None:
        state = _loaded(self.path)
        if state is None:
            return None
        theirs = state["facts"]
        differ = [name for name in self.facts if theirs.get(name) != self.facts[name]]
        if differ:
            found = ", ".join(f"{name} {theirs.get(name)}" for name in differ)
            asked = ", ".join(f"{name} {self.facts[name]}" for name in differ)
            raise UsageError(
                f"{self.path} is of another training, with {found}, not {asked}; choose another"
                " folder or delete that file."
            )
        return state


def noted_facts(path: Path) -> dict[str, Any] | None:
    """What the training of a checkpoint is; None where there is no file."""
    state = _loaded(path)
    return None if state is None else state["facts"]


def _loaded(path: Path) -> dict[str, Any] | None:
    return torch.load(path, weights_only=True) if path.exists() else None


@contextmanager
def unbroken() -> Iterator[None]:
    """While this lasts, Ctrl-C waits; it comes at the end.

    Only the main thread is ever interrupted, so elsewhere there is nothing to hold back.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    waiting: list[bool] = []
    before = signal.signal(signal.SIGINT, lambda *_: waiting.append(True))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if waiting:
        raise KeyboardInterrupt
