"""The one loop of all experiments over many images."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from vitlens_widgets._version import __version__
from vitlens_widgets.analysis.result import Title
from vitlens_widgets.analysis.stream.data_run import DataRun
from vitlens_widgets.analysis.stream.saved import SavedRun, check_same_kind
from vitlens_widgets.data import Dataset, LabelSet
from vitlens_widgets.errors import UsageError, check_count, counted
from vitlens_widgets.trace import ViT
from vitlens_widgets.trace.example_batches import ExampleBatch, check_data, how_many
from vitlens_widgets.trace.fingerprint import fingerprint
from vitlens_widgets.workers.order import BatchJob


class BatchMeasure(ABC):
    """What is measured on each batch.

    Attributes:
        name: What it is called.
        settings: In JSON's types, all that changes its numbers beside model and data; another
            model by its `fingerprint`.
        usual: Those of the settings that go without saying, with the values that the published
            numbers were found with; others are said in the result's title.
        needs_masks: Whether it asks for `ExampleBatch.masks`.
        adds_in_place: Whether `add` changes what it is given, where that is large: then workers
            send what many batches add up to, to be joined, and not what each batch gives.
        save_seconds: From one save to the next, at least; for what takes long to write.
        own_labels: Whether the examples' classes stay the data set's own, whatever the model's.
        labels: Otherwise, whose classes the examples' are brought to, by their names; None for the
            model's, or the data set's own where the model has none.
    """

    name: ClassVar[str]
    usual: ClassVar[Mapping[str, Any]] = {}
    needs_masks: ClassVar[bool] = False
    adds_in_place: ClassVar[bool] = False
    save_seconds: ClassVar[float] = 0.0
    own_labels: ClassVar[bool] = False
    labels: LabelSet | None = None
    settings: dict[str, Any]

    @abstractmethod
    def measure(self, batch: ExampleBatch) -> Mapping[str, np.ndarray]:
        """What this batch adds: float64 or int64 arrays, always of the same shapes.

        They are summed over batches, so they must not depend on how images are put together in
        batches, nor on the batches before.
        """

    def add(self, tallies: Mapping[str, np.ndarray], batch: ExampleBatch) -> dict[str, np.ndarray]:
        """What all batches have added up to, with this one.

        The sums, if nothing else is said: an experiment that keeps the largest, for example, says
        how, and may change what it is given. An interrupted call is never gone on from.

        Where `join` is not said as well, it runs in one process alone.

        Args:
            tallies: Of the batches before; empty before the first.
            batch: The batch.
        """
        return self.join(tallies, self.measure(batch))

    def prepare(self, executor: Any) -> None:  # noqa: B027 - most need nothing
        """Find what every worker needs, before they are sent the measure; here nothing.

        Args:
            executor: Whose workers may help.
        """

    def join(
        self, tallies: Mapping[str, np.ndarray], more: Mapping[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """What two runs of batches have added up to together; neither is changed.

        Args:
            tallies: Of the earlier ones; empty where there are none.
            more: Of those that follow them, by `add`.
        """
        if not tallies:
            return dict(more)
        check_same_kind(tallies, more)
        return {name: tallies[name] + new for name, new in more.items()}


@dataclass(frozen=True, eq=False)
class Totals:
    """What all batches have added up to.

    Attributes:
        tallies: By name, the sums of what `BatchMeasure.measure` gave.
        n_images: Of how many images.
        title: The model, the number of images and where they are from, and unusual settings.
    """

    tallies: Mapping[str, np.ndarray]
    n_images: int
    title: str


def run(
    experiment: BatchMeasure,
    vit: ViT,
    data: Dataset,
    *,
    n_images: int | None = None,
    batch_size: int = 16,
    executor: Any = None,
    save_to: str | os.PathLike[str] | None = None,
) -> Totals:
    """Run an experiment over the first images of a data set.

    Args:
        experiment: What is measured.
        vit: The model whose labels and preprocessing the batches are made for.
        data: The images.
        n_images: How many; None for all of them.
        batch_size: How many the model runs together; the numbers do not depend on it, but for
            rounding.
        executor: Where to run it: `vl.cluster()`, or another executor in the sense of
            `concurrent.futures`, such as a process pool or Dask's; None for this process. Batches
            and the order in which they are added are the same, so the numbers are, bit by bit, as
            long as torch has as many threads; of what `adds_in_place`, up to the order in which
            float64 numbers are added. A batch that fails is tried again, and one whose worker dies.
        save_to: A file, or a folder for it. What is done is saved there after every batch, or after
            `save_seconds`; with the same file, a run that was stopped goes on, a finished one is
            read, and one of fewer images is continued, if the images that are done are what they
            were. Where the file cannot be written any more, a warning says so and the run goes on.

    Raises:
        UsageError: Other labels than the data set's, no masks where they are needed,
            a number of images that the data set does not have, an image that cannot be read, a
            damaged file or one of another run, no place for one, what cannot be sent to workers, or
            a batch that fails there twice.
    """
    check_data(data, experiment.needs_masks)
    stop = how_many(data, n_images)
    batch_size = check_count("batch_size", batch_size, least=1)
    saved = None
    if save_to is not None:  # what it is of takes reading all weights
        about = _about(experiment, vit, data)
        saved = SavedRun(save_to, about, data, experiment.save_seconds)
    done, tallies = (0, {}) if saved is None else saved.read()
    if saved is not None and done > stop:
        raise UsageError(
            f"{saved.path} holds {done} images already, more than the {stop} asked for; give "
            f"save_to= another file, or n_images={done} or more."
        )
    if executor is not None:
        _check_joins(experiment)
    data_run = DataRun(experiment, _job(experiment, vit, data, saved), stop, batch_size, saved)
    done, tallies = data_run.run(done, tallies, executor)
    if saved is not None:
        saved.finish(done)
    return Totals(tallies, done, _title(experiment, vit, data, done))


def _check_joins(experiment: BatchMeasure) -> None:
    """Refuse to share out what says how batches are added, and not how what they add up to is.

    Raises:
        UsageError: It does.
    """
    kind = type(experiment)
    if kind.add is not BatchMeasure.add and kind.join is BatchMeasure.join:
        raise UsageError(
            f"{experiment.name} takes each image after the one before it, so that workers cannot "
            "share it out; leave executor= out."
        )


def _job(experiment: BatchMeasure, vit: ViT, data: Dataset, saved: SavedRun | None) -> BatchJob:
    """What is done with each batch, wherever it is done."""
    looks = saved is not None and saved.looks
    whole, labels, own = experiment.adds_in_place, experiment.labels, experiment.own_labels
    return BatchJob(experiment.add, whole, vit, data, labels, any_class=own, digests=looks)


def _title(experiment: BatchMeasure, vit: ViT, data: Dataset, done: int) -> Title:
    settings = ((name, experiment.settings[name]) for name in experiment.usual)
    unusual = {name: one for name, one in settings if one != experiment.usual[name]}
    images = f"{vit.name}, {counted(done, 'image')}"
    whole = f"{images} of {data!r}{''.join(f', {name}={one!r}' for name, one in unusual.items())}"
    title = Title(whole)
    title.whose = images + "".join(f", {name} {one}" for name, one in unusual.items())
    return title


def _about(experiment: BatchMeasure, vit: ViT, data: Dataset) -> dict[str, Any]:
    return {
        "version": __version__,
        "experiment": experiment.name,
        "settings": dict(experiment.settings),
        "model": fingerprint(vit),
        "data": dict(data.identity),
    }
