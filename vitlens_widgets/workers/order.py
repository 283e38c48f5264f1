"""What a worker is asked to do, and what it answers."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from vitlens_widgets.data import Dataset, LabelSet
from vitlens_widgets.errors import UsageError
from vitlens_widgets.trace import ViT
from vitlens_widgets.trace.example_batches import ExampleBatch
from vitlens_widgets.workers.parcel import Parcel
from vitlens_widgets.workers.recipe import ModelRecipe
from vitlens_widgets.workers.warned import Warned

_called_off: set[str] = set()  # stop files that this process was told of

Tallies = Mapping[str, Any]
"""What a batch gave: arrays by name."""


@dataclass(frozen=True, eq=False)
class BatchJob:
    """What is done with each batch of a data set.

    Attributes:
        add: Given tallies, empty at first, and a batch: the tallies with it.
        whole: Whether a worker adds up its batches before it answers, where tallies are large;
            otherwise each batch's come back alone, so that all are added in the order of one run.
        vit: The model.
        data: The images.
        labels: Whose classes theirs are brought to; see `batches`.
        any_class: Whether classes play no part; see `batches`.
        digests: Whether examples are to be known again; see `batches`.
        large: Whether what a batch gives is large, and takes long: then each is a shard.
    """

    add: Callable[[Tallies, ExampleBatch], Tallies]
    whole: bool
    vit: ViT
    data: Dataset
    labels: LabelSet | None = None
    any_class: bool = False
    digests: bool = False
    large: bool = False


@dataclass(frozen=True)
class Part:
    """What some images gave.

    Attributes:
        start: The first of them.
        stop: The first that is not among them.
        tallies: What they add up to.
        digests: By what each is known again, where that was asked for.
    """

    start: int
    stop: int
    tallies: Tallies = field(repr=False)
    digests: Sequence[str] = field(default=(), repr=False)


@dataclass(frozen=True)
class SentModel:
    """A model on its way.

    Attributes:
        digest: Its `fingerprint_of_module`.
        recipe: The call that makes it; None where there is none, or it makes another one.
        parcel: The model itself, packed.
        on_gpu: Whether it is to be on the worker's own GPU.
    """

    digest: str
    recipe: ModelRecipe | None
    parcel: Parcel
    on_gpu: bool


@dataclass(frozen=True)
class Order:
    """A shard: some images, for one worker.

    Attributes:
        job: A `BatchJob`, packed.
        model: The model that it names the parts of.
        start: The first image.
        stop: The first that is not to be done.
        number: Of two orders of one run, never the same.
        batch_size: How many the model runs together.
        sharing: How many workers share the cores of the machine of the process that asks.
        elsewhere: How many share those of another machine.
        forked: Whether workers are copies of the process that asks, without its threads.
        stop_file: Where this file is, the worker ends after the batch that it is at; where its
            folder is gone, nobody waits for an answer.
        seconds: After these, a worker that does not see the folder ends with its batch.
        machine: Of the process that asks.
        process: The number of that process.
        is_seen: Whether all workers of that machine see the folder; one in a container may not.
    """

    job: Parcel
    model: SentModel
    start: int
    stop: int
    number: int
    batch_size: int
    sharing: int
    elsewhere: int
    forked: bool
    stop_file: str
    seconds: float
    machine: str
    process: int
    is_seen: bool = True

    @property
    def is_here(self) -> bool:
        """Whether this is the machine of the process that asks."""
        return self.machine == platform.node()

    @property
    def is_own(self) -> bool:
        """Whether this is the very process that asks."""
        return self.is_here and self.process == os.getpid()

    def is_on(self) -> bool:
        """Whether the run that it is of is seen to go on; others' machines may never see it."""
        return Path(self.stop_file).parent.exists()

    def is_called_off(self) -> bool:
        """Whether who asked wants no more of it."""
        is_over = self.is_here and self.is_seen and not self.is_on()
        return self.stop_file in _called_off or Path(self.stop_file).exists() or is_over

    def with_content(self) -> Order:
        """The same for a worker that has not the files: all bytes go along."""
        model = replace(self.model, recipe=None, parcel=self.model.parcel.with_content())
        return replace(self, job=self.job.with_content(), model=model)


def call_off(stop_file: str) -> None:
    """Tell this process that orders with this file are called off, whether it sees it or not."""
    _called_off.add(stop_file)


@dataclass(frozen=True)
class Failure:
    """Why a batch failed.

    Attributes:
        kind: The class of its error, if it is one of this package.
        text: What it says.
        start: The batch's first image.
        stop: The first that is not in it.
        where: The traceback.
    """

    kind: type[Exception] | None
    text: str
    start: int
    stop: int
    where: str = field(default="", repr=False)

    def named(self, what: str) -> UsageError:
        """The sentence that says which images failed, what was done about it, and why."""
        images = (
            f"Image {self.start}"
            if self.stop == self.start + 1
            else f"The batch of images {self.start} to {self.stop - 1}"
        )
        kind = self.kind if self.kind and issubclass(self.kind, UsageError) else UsageError
        error = kind(f"{images} failed, and {what}: {self.text.rstrip('.')}.")
        if self.where:
            error.__cause__ = RuntimeError(f"in the worker:\n{self.where}")
        return error


@dataclass(frozen=True)
class ShardAnswer:
    """What became of an order.

    Attributes:
        parts: What was done, in order.
        worker: Who did it: machine and process.
        seconds: It took.
        failure: Why it was not all; None where it was, or where it was stopped.
        lacks: Whether nothing was done, since the worker has not the files.
        warned: What was warned of meanwhile.
    """

    parts: Sequence[Part]
    worker: str
    seconds: float = 0.0
    failure: Failure | None = None
    lacks: bool = False
    warned: Sequence[Warned] = ()
