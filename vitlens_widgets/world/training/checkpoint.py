"""Saving a training half-way, so that it can be interrupted at any moment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from .optimizer import Optimizer


@dataclass(frozen=True)
class Checkpoint:
    """A file that holds a model, its optimiser and the number of steps done."""

    path: Path

    def save(self, model: nn.Module, optimizer: Optimizer, done: int) -> None:
        """Write beside the file, then rename: an interrupted save leaves the last one whole."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self.path.with_suffix(".part")
        state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "done": done}
        torch.save(state, unfinished)
        unfinished.replace(self.path)

    def load(self, model: nn.Module, optimizer: Optimizer) -> int:
        """Take up where the file left off; returns the steps done, 0 without a file."""
        if not self.path.exists():
            return 0
        state = torch.load(self.path, weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        return state["done"]
