"""`Task`: one kind of model and what it is asked; `Recipe`: a task, and how long it is learnt."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from vitlens_widgets.world.cards import weights_file
from vitlens_widgets.world.scene import Scene, scene
from vitlens_widgets.world.weights import read_facts

AnyModel = TypeVar("AnyModel", bound=nn.Module)
AnyBatch = TypeVar("AnyBatch")


class Task(ABC, Generic[AnyModel, AnyBatch]):
    """What the training loop needs to know of a kind of model.

    A task goes to the worker process that draws its batches, so it must be picklable: a frozen
    dataclass at the top of a file is.
    """

    @abstractmethod
    def make_model(self) -> AnyModel:
        """The model, freshly initialised from torch's generator, which the loop has seeded."""

    @abstractmethod
    def draw(self, index: int, batch_size: int) -> AnyBatch:
        """Batch `index`, always the same: batches are drawn elsewhere, ahead, and again."""

    @abstractmethod
    def learn(self, model: AnyModel, batch: AnyBatch) -> torch.Tensor:
        """The loss of one batch, a scalar that gradients can be asked of.

        What is left to chance here may be drawn from torch's generator: the loop seeds it for
        each step.
        """

    def begin(self, model: AnyModel, weights: dict[str, torch.Tensor]) -> None:
        """Let the model begin with what a training has kept.

        Raises:
            RuntimeError: They are of a model of another shape.
        """
        model.load_state_dict(weights)

    def finished(self, model: AnyModel) -> nn.Module:
        """What of the model is kept at the end: all of it."""
        return model

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """What tells this task's models apart, by name: plain values that JSON can hold.

        They are noted in the weights file, where whoever loads it finds them, and in checkpoints,
        which are taken up by the same task only. `"kind"` says which kind of model it is.
        """


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one model is trained.

    Attributes:
        task: What kind of model, and what it is asked.
        images: Number of images seen, each once.
        batch_size: Images per step.
        rate: Times the optimiser's learning rates.
        begin_with: Embedded model whose weights it begins with; random ones without.
        seed: Of the initial weights, and of what a task leaves to chance.
    """

    task: Task[Any, Any]
    images: int
    batch_size: int = 64
    rate: float = 1.0
    begin_with: str | None = None
    seed: int = 0

    @property
    def images_before(self) -> int:
        """Images that its first weights have learnt from."""
        if self.begin_with is None:
            return 0
        return read_facts(weights_file(self.begin_with))["images"]

    @property
    def steps(self) -> int:
        """Number of optimiser steps: the whole batches that `images` fill, at least one."""
        return max(1, self.images // self.batch_size)

    def facts(self) -> dict[str, Any]:
        """The task's facts, and what it learns from, all images that its weights have seen."""
        images = self.images_before + self.steps * self.batch_size
        seen = {"images": images, "batch_size": self.batch_size}
        rate = {} if self.rate == 1 else {"rate": self.rate}
        begun = {} if self.begin_with is None else {"begun_with": self.begin_with}
        return {**self.task.facts(), **seen, **rate, **begun, "seed": self.seed}


FIRST_TRAINING_SEED = 1_000_000_000
"""Training uses seeds from here on, so that every smaller one is held out."""

Draw = Callable[[int, int], Any]
"""From the index of a batch and the number of images in it to the batch."""


def fresh_scenes(index: int, batch_size: int, size: int, every: int = 2) -> list[Scene]:
    """The scenes of batch `index`, which are in no other batch, with one object or with two.

    Args:
        index: Which batch, from 0 on.
        batch_size: How many scenes.
        size: Their side in pixels.
        every: One scene in so many has two objects.
    """
    first = FIRST_TRAINING_SEED + index * batch_size
    counts = [2 if i % every == every - 1 else 1 for i in range(batch_size)]
    return [scene(first + i, objects=count, size=size) for i, count in enumerate(counts)]


def stacked_images(scenes: list[Scene]) -> np.ndarray:
    """The pictures of scenes of one size, uint8 `[image, H, W, 3]`."""
    return np.stack([scene.image for scene in scenes])


def stream(draw: Draw, start: int, stop: int, batch_size: int) -> Iterator[Any]:
    """Batches `start` to `stop`, in order, drawn ahead by one worker process."""
    loader = DataLoader(
        _Batches(draw, batch_size),
        batch_size=None,
        sampler=range(start, stop),
        num_workers=1,
        prefetch_factor=8,
    )
    return iter(loader)


class _Batches(Dataset[Any]):
    """`draw`, as torch's loader asks for it."""

    def __init__(self, draw: Draw, batch_size: int) -> None:
        self.draw, self.batch_size = draw, batch_size

    def __getitem__(self, index: int) -> Any:
        return self.draw(index, self.batch_size)
