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
from vitlens_widgets.analysis.stream.batches import ExampleBatch, batches, check_data
from vitlens_widgets.analysis.stream.saved import SavedRun, check_same_kind
from vitlens_widgets.data import Dataset, LabelSet
from vitlens_widgets.errors import UsageError, check_count, counted
from vitlens_widgets.progress import progress_bar
from vitlens_widgets.trace import ViT
from vitlens_widgets.trace.fingerprint import fingerprint


class BatchMeasure(ABC):
    """What is measured on each batch.

    Attributes:
        name: What it is called.
        settings: In JSON's types, all that changes its numbers beside model and data; another
            model by its `fingerprint`.
        usual: Those of the settings that go without saying, with the values that the published
            numbers were found with; others are said in the result's title.
        needs_masks: Whether it asks for `ExampleBatch.masks`.
        labels: Whose classes the examples' are brought to, by their names; None for the model's,
            or the data set's own where the model has none.
    """

    name: ClassVar[str]
    usual: ClassVar[Mapping[str, Any]] = {}
    needs_masks: ClassVar[bool] = False
    labels: LabelSet | None = None
    settings: dict[str, Any]

    @abstractmethod
    def measure(self, batch: ExampleBatch) -> Mapping[str, np.ndarray]:
        """What this batch adds: float64 or int64 arrays, always of the same shapes.

        They are summed over batches, so they must not depend on how images are put together in
        batches, nor on the batches before.
        """


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
        save_to: A file, or a folder for it. What is done is saved there after every batch; with
            the same file, a run that was stopped goes on, a finished one is read, and one of fewer
            images is continued, if the images that are done are what they were. Where the file
            cannot be written any more, a warning says so and the run goes on.

    Raises:
        UsageError: Other labels than the data set's, no masks where they are needed,
            a number of images that the data set does not have, an image that cannot be read, a
            damaged file or one of another run, or no place for one.
    """
    check_data(data, experiment.needs_masks)
    stop = how_many(data, n_images)
    batch_size = check_count("batch_size", batch_size, least=1)
    saved = None if save_to is None else SavedRun(save_to, _about(experiment, vit, data), data)
    done, tallies = (0, {}) if saved is None else saved.read()
    if saved is not None and done > stop:
        raise UsageError(
            f"{saved.path} holds {done} images already, more than the {stop} asked for; give "
            f"save_to= another file, or n_images={done} or more."
        )
    try:
        with progress_bar(stop, experiment.name) as bar:
            bar.update(done)
            for batch in batches(vit, data, done, stop, batch_size, experiment.labels):
                tallies = _added(tallies, experiment.measure(batch))
                done += len(batch)
                if saved is not None:
                    saved.keep(done, tallies, batch.examples)
                bar.update(len(batch))
    except KeyboardInterrupt:
        raise KeyboardInterrupt(_stopped(saved, done, stop)) from None
    if saved is not None:
        saved.finish(done)
    return Totals(tallies, done, _title(experiment, vit, data, done))


def _stopped(saved: SavedRun | None, done: int, stop: int) -> str:
    """What is said when a run is interrupted: how much of it is kept, and where."""
    if saved is None:
        return f"Stopped after {done} of {stop} images; with save_to= the same call could go on."
    if not saved.done:
        return (
            f"Stopped before the first of {stop} images were kept in {saved.path}; the same call "
            "begins anew."
        )
    return (
        f"Stopped: {saved.path} holds the first {saved.done} of {stop} images; the same call goes "
        "on from there."
    )


def _title(experiment: BatchMeasure, vit: ViT, data: Dataset, done: int) -> Title:
    settings = ((name, experiment.settings[name]) for name in experiment.usual)
    unusual = {name: one for name, one in settings if one != experiment.usual[name]}
    images = f"{vit.name}, {counted(done, 'image')}"
    whole = f"{images} of {data!r}{''.join(f', {name}={one!r}' for name, one in unusual.items())}"
    title = Title(whole)
    title.whose = images + "".join(f", {name} {one}" for name, one in unusual.items())
    return title


def _added(
    tallies: Mapping[str, np.ndarray], more: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """The sums; what is given stays as it is, so that an interruption cannot tear it."""
    if tallies:
        check_same_kind(tallies, more)
    return {name: tallies[name] + new if tallies else new for name, new in more.items()}


def how_many(data: Dataset, n_images: int | None) -> int:
    """How many images to run, from the first on.

    Raises:
        UsageError: No number for an endless data set, a number that it does not have, or a data
            set without examples.
    """
    if data.count == 0:
        raise UsageError(f"{data!r} has no examples.")
    if n_images is None:
        if data.count is None:
            raise UsageError(f"{data!r} has no end; say how many images to run, n_images=500.")
        return data.count
    most = float("inf") if data.count is None else data.count
    return check_count("n_images", n_images, least=1, most=most)


def _about(experiment: BatchMeasure, vit: ViT, data: Dataset) -> dict[str, Any]:
    return {
        "version": __version__,
        "experiment": experiment.name,
        "settings": dict(experiment.settings),
        "model": fingerprint(vit),
        "data": dict(data.identity),
    }
