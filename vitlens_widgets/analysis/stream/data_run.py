"""One run over a data set: here or by workers, kept as it goes on, stopped without loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np

from vitlens_widgets.analysis.stream.saved import SavedRun
from vitlens_widgets.errors import UsageError
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.progress import progress_bar
from vitlens_widgets.trace.example_batches import batches
from vitlens_widgets.workers.order import BatchJob, Part
from vitlens_widgets.workers.shards import Shards
from vitlens_widgets.workers.threads import threads_that_fit

Tallies = Mapping[str, np.ndarray]


class Adds(Protocol):
    """What is asked of a `BatchMeasure` here."""

    name: ClassVar[str]

    def prepare(self, executor: Any) -> None:
        """Find what every worker needs."""
        ...

    def join(self, tallies: Tallies, more: Tallies) -> dict[str, np.ndarray]:
        """What two runs of batches have added up to together."""
        ...


class _Step(NamedTuple):
    """Some images that are done next."""

    stop: int
    with_them: Callable[[Tallies], Tallies]
    """Given the tallies of all images before: those with these."""
    digests: Sequence[str]
    n_new: int
    """How many of them the bar has not counted."""


class _Reached(NamedTuple):
    """How far a run is; one value, so that no interrupt finds half of it."""

    done: int
    tallies: Tallies
    digests: Sequence[str] = ()
    """Of the images that came last, by which they are known again."""


class DataRun:
    """A run.

    Args:
        experiment: How tallies are joined.
        job: What is done with each batch.
        stop: The first image that is left out.
        batch_size: How many the model runs together.
        saved: The file that keeps it; None for none.
    """

    def __init__(
        self, experiment: Adds, job: BatchJob, stop: int, batch_size: int, saved: SavedRun | None
    ) -> None:
        self._experiment, self._job, self._saved = experiment, job, saved
        self._stop, self._batch_size = stop, batch_size
        self._state = _Reached(0, {})

    @clean
    def run(self, done: int, tallies: Tallies, executor: Any) -> tuple[int, Tallies]:
        """Go on to the end.

        Args:
            done: How many images are done.
            tallies: Of them.
            executor: Whose workers do it; None for this process.

        Returns:
            How many are done now, and their tallies.
        """
        self._state = _Reached(done, tallies)
        try:
            with progress_bar(self._stop, self._experiment.name) as bar:
                bar.update(done + sum(p.stop - p.start for p in self._ahead(done)))
                if executor is None:
                    with threads_that_fit():
                        self._take(self._steps_here(), bar.update)
                else:
                    self._by_workers(executor, bar.update)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(self._stopped()) from None
        return self._state.done, self._state.tallies

    def _take(self, steps: Iterator[_Step], count: Callable[[int], object]) -> None:
        """Add up what is done, and keep it."""
        for step in steps:
            tallies = step.with_them(self._state.tallies)
            self._state = _Reached(step.stop, tallies, step.digests)
            if self._saved is not None:
                self._saved.keep(*self._state, last=step.stop == self._stop)
            count(step.n_new)

    def _by_workers(self, executor: Any, count: Callable[[int], object]) -> None:
        """The same, by others; what they have done beyond what failed is kept, too."""
        if self._state.done == self._stop:
            return
        near = None if self._saved is None else self._saved.path.parent
        sent = Shards(self._job, executor, self._batch_size, count, near)
        self._experiment.prepare(executor)
        with sent as shards:
            parts = shards.parts(self._state.done, self._stop, self._ahead(self._state.done))
            try:
                with shards.keeping(self._keep_all):
                    self._take((self._joined(part) for part in parts), count)
            except UsageError as error:
                raise type(error)(f"{error} {self._kept()}") from error.__cause__

    def _steps_here(self) -> Iterator[_Step]:
        """Batch after batch by this process, and between them what others have done before."""
        for part in [*self._ahead(self._state.done), None]:
            end = self._stop if part is None else part.start
            for batch in self._batches(self._state.done, end):
                add = partial(self._add, batch)
                yield _Step(batch.numbers[-1] + 1, add, batch.digests, len(batch))
            if part is not None:
                yield self._joined(part)

    def _batches(self, start: int, stop: int) -> Iterator[Any]:
        job = self._job
        words = {"any_class": job.any_class, "digests": job.digests}
        return batches(job.vit, job.data, start, stop, self._batch_size, job.labels, **words)

    def _add(self, batch: Any, tallies: Tallies) -> Tallies:
        return self._job.add(tallies, batch)

    def _joined(self, part: Part) -> _Step:
        def join(tallies: Tallies) -> Tallies:
            return self._experiment.join(tallies, part.tallies)

        return _Step(part.stop, join, part.digests, 0)

    def _ahead(self, done: int) -> list[Part]:
        """What the file holds beyond a gap, in order, as far as it is asked for."""
        parts = [] if self._saved is None else self._saved.ahead
        wanted = [part for part in parts if done <= part.start and part.stop <= self._stop]
        return sorted(wanted, key=lambda part: part.start)

    def _keep_all(self, ahead: list[Part]) -> None:
        """Save what is done, also what stands behind a gap."""
        ahead = [part for part in ahead if part.start >= self._state.done]
        if self._saved is None or not (self._state.done or ahead):
            return
        known = {part.start for part in ahead}
        others = [part for part in self._saved.ahead if part.start not in known]
        self._saved.ahead = [*others, *ahead]
        self._saved.keep(*self._state, last=True)

    def _kept(self) -> str:
        """How much is kept after an error, and where."""
        if self._saved is None:
            return "With save_to= what is done would have been kept."
        return (
            f"{self._saved.path} holds the {self._saved.n_kept} of {self._stop} images that are "
            "done; the same call goes on from there."
        )

    def _stopped(self) -> str:
        """What is said when a run is interrupted: how much of it is kept, and where."""
        saved, stop, done = self._saved, self._stop, self._state.done
        if saved is None:
            return (
                f"Stopped after {done} of {stop} images; with save_to= the same call could go on."
            )
        if not saved.n_kept:
            return (
                f"Stopped before the first of {stop} images were kept in {saved.path}; the same "
                "call begins anew."
            )
        which = f"{saved.n_kept}" if saved.ahead else f"the first {saved.done}"
        return (
            f"Stopped: {saved.path} holds {which} of {stop} images; the same call goes on from "
            "there."
        )
