"""`Task`: one kind of model and what it is asked; `Recipe`: a task, and how long it is learnt."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import nn

from ..measurement import Measurement

Model = TypeVar("Model", bound=nn.Module)
Batch = TypeVar("Batch")


class Task(ABC, Generic[Model, Batch]):
    """What the training loop needs to know of a kind of model.

    A task goes to the worker process that draws its batches, so it must be picklable: a frozen
    dataclass at the top of a file is.
    """

    @abstractmethod
    def make_model(self) -> Model:
        """The model, freshly initialised from torch's generator, which the loop has seeded."""

    @abstractmethod
    def draw(self, index: int, batch_size: int) -> Batch:
        """Batch `index`, always the same: batches are drawn elsewhere, ahead, and again."""

    @abstractmethod
    def learn(self, model: Model, batch: Batch) -> torch.Tensor:
        """The loss of one batch, a scalar that gradients can be asked of.

        What is left to chance here may be drawn from torch's generator: the loop seeds it for
        each step.
        """

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """What tells this task's models apart, by name: plain values that JSON can hold.

        They are noted in the weights file, where whoever loads it finds them, and in checkpoints,
        which are taken up by the same task only. `"kind"` says which kind of model it is.
        """

    @abstractmethod
    def measure(self, weights: Path, scenes: int) -> Measurement:
        """What the finished model does, on held-out scenes.

        Args:
            weights: The weights file.
            scenes: How many scenes for each number of objects.
        """


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one model is trained.

    Attributes:
        task: What kind of model, and what it is asked.
        images: Number of images seen, each once.
        batch_size: Images per step.
        rate: Times the optimiser's learning rates.
        seed: Of the initial weights, and of what a task leaves to chance.
    """

    task: Task
    images: int
    batch_size: int = 64
    rate: float = 1.0
    seed: int = 0

    @property
    def steps(self) -> int:
        """Number of optimiser steps: the whole batches that `images` fill, at least one."""
        return max(1, self.images // self.batch_size)

    def facts(self) -> dict[str, Any]:
        """The task's facts, and what it learns from."""
        seen = {"images": self.steps * self.batch_size, "batch_size": self.batch_size}
        rate = {} if self.rate == 1 else {"rate": self.rate}
        return {**self.task.facts(), **seen, **rate, "seed": self.seed}
