"""Saving a training half-way, so that it can be interrupted at any moment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from ...errors import UsageError
from .optimizer import Optimizer


@dataclass(frozen=True)
class Checkpoint:
    """A file that holds a model, its optimiser and the number of steps done.

    Attributes:
        path: The file.
        steps: How many steps the whole training has; its learning rates depend on it.
    """

    path: Path
    steps: int

    def save(self, model: nn.Module, optimizer: Optimizer, done: int) -> None:
        """Write beside the file, then rename: an interrupted save leaves the last one whole."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self.path.with_suffix(".part")
        state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
        torch.save({**state, "done": done, "steps": self.steps}, unfinished)
        unfinished.replace(self.path)

    def load(self, model: nn.Module, optimizer: Optimizer) -> int:
        """Take up where the file left off; returns the steps done, 0 without a file.

        Raises:
            UsageError: The file is of a training of another length.
        """
        if not self.path.exists():
            return 0
        state = torch.load(self.path, weights_only=True)
        if state["steps"] != self.steps:
            raise UsageError(
                f"{self.path} is of a training of {state['steps']} steps, this one has"
                f" {self.steps}; choose another folder or delete that file."
            )
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        return state["done"]
