"""A job over a data set, cut into shards by number of image, done by whoever is free."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from vitlens_widgets.errors import warn
from vitlens_widgets.workers.crew import Crew, Outcome
from vitlens_widgets.workers.order import BatchJob, Failure, Order, Part, ShardAnswer
from vitlens_widgets.workers.parcel import check_light
from vitlens_widgets.workers.sent import Sent
from vitlens_widgets.workers.warned import Relay

MOST_DATA = 64_000_000
"""Bytes that the description of a data set may take: some hundred thousand files."""
_TRIES = 2
_DEATHS = 3
_PATIENCE = 60.0
_QUIET = 2.0
_SILENCE = 120.0
_AHEAD = 2
"""Orders given out for each worker: one that it is at, and one that waits for it."""


class Shards:
    """A job's shards; entered, workers are at them, and left, nothing of it remains.

    Args:
        job: What is done with each batch.
        executor: Who does it.
        batch_size: How many images the model runs together.
        count: Is told of images that are done, wherever they are.
        near: A folder that workers of other machines may see, such as the one of `save_to`: there
            they find what they are sent, and hear that it is over. None for one of this machine.

    Attributes:
        ahead: What is done, but stands behind something that is not, by its first image.

    Raises:
        UsageError: No executor, or a model, a measure or a data set that cannot be sent.
    """

    def __init__(
        self,
        job: BatchJob,
        executor: Any,
        batch_size: int,
        count: Callable[[int], object],
        near: Path | None = None,
    ) -> None:
        check_light(job.data, MOST_DATA)
        self._crew = Crew(executor, job.vit.device.type != "cpu")
        self._batch_size, self._count = batch_size, count
        self._job, self._near = job, near
        self._waiting: deque[tuple[int, int]] = deque()
        self._tries: Counter[int] = Counter()
        self._deaths: Counter[int] = Counter()
        self._suspects: set[int] = set()
        self._n_given, self._parts_of_each = 0, 1
        self._is_over = self._is_silent = False
        self._relay = Relay()
        self.ahead: dict[int, Part] = {}

    def __enter__(self) -> Shards:
        """Pack what workers are sent."""
        self._sent = Sent(self._job, self._crew, self._batch_size, self._near)
        self._order = self._sent.order
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Take back what nobody has begun, and what was packed."""
        if self._crew.n_running:
            self._sent.call_off(self._crew)
        self._crew.close()
        self._sent.remove()

    @contextmanager
    def keeping(self, keep: Callable[[list[Part]], object]) -> Generator[None]:
        """Where an error or Ctrl-C ends the block, workers stop, and nothing that is done is lost.

        Args:
            keep: Is given what they have done that was not taken; the part that was being taken may
                be among it.
        """
        try:
            yield
        except (KeyboardInterrupt, Exception):
            try:
                self.wind_up()  # where it struck between two parts
            finally:  # also where Ctrl-C is pressed again
                keep(list(self.ahead.values()))
            raise

    def parts(self, start: int, stop: int, ahead: Iterable[Part] = ()) -> Iterator[Part]:
        """What all images from one to another give, in order, each batch or each shard alone.

        After an interrupt, and before an error, everything that is done yet is given.

        Args:
            start: The first image.
            stop: The first that is left out.
            ahead: What is done of these already.

        Raises:
            UsageError: A batch failed wherever it was tried, or the executor did.
        """
        self.ahead = {part.start: part for part in ahead if start <= part.start < part.stop <= stop}
        self._plan(start, stop)
        at = start
        try:
            while at < stop:
                while (part := self.ahead.get(at)) is not None:
                    yield part
                    at = self._taken(part)
                if at < stop:
                    self._go_on()
        except (KeyboardInterrupt, Exception):
            self.wind_up()
            while (part := self.ahead.get(at)) is not None:
                yield part
                at = self._taken(part)
            raise

    def _taken(self, part: Part) -> int:
        """A part that was given has been taken: the first image that comes after it."""
        self.ahead.pop(part.start, None)
        return part.stop

    def _plan(self, start: int, stop: int) -> None:
        """Cut what is not done into shards of whole batches."""
        gaps, at = list[tuple[int, int]](), start
        for part in sorted(self.ahead.values(), key=lambda part: part.start):
            gaps.append((at, part.start))
            at = part.stop
        gaps.append((at, stop))
        n_batches = -(-sum(b - a for a, b in gaps) // self._batch_size)
        each = _batches_of_each(n_batches, self._crew.n_workers, self._job.whole)
        each = 1 if self._job.large else each
        step, self._parts_of_each = self._batch_size * each, 1 if self._job.whole else each
        self._waiting.extend(
            (first, min(first + step, b)) for a, b in gaps for first in range(a, b, step)
        )

    def _go_on(self) -> None:
        """Give out what may be given, and take in what comes back next."""
        most = 1 if self._suspects else _AHEAD * self._crew.n_workers
        held = len(self.ahead) // self._parts_of_each
        most = min(most, max(1, 5 * most - held))  # memory does not grow behind a gap
        while self._waiting and self._crew.n_running < most:
            start, stop = self._waiting.popleft()
            self._give(replace(self._order, start=start, stop=stop))
        outcome = self._crew.next_outcome(_SILENCE)
        if outcome is not None:
            self._take(outcome)
        elif not self._is_silent:
            self._is_silent = True
            warn(
                f"Nothing has come back from executor= for {_SILENCE:.0f} seconds: its workers are "
                "slow, wait for a machine, or are not there. The run waits for them; Ctrl-C ends "
                "it, and keeps what is done."
            )

    def _give(self, order: Order) -> None:
        self._n_given += 1
        self._crew.give(replace(order, number=self._n_given))

    def _take(self, outcome: Outcome) -> None:
        """Take in an order that came back.

        Raises:
            UsageError: It failed as often as it may.
        """
        order, answer = outcome.order, outcome.answer
        if answer is not None:
            self._keep(answer)
        self._crew.settle(order)
        self._relay.show(answer.warned if answer else ())
        if outcome.is_broken:
            self._mourn(order)
        elif answer is None:
            text = f"{type(outcome.error).__name__}: {outcome.error}".removesuffix(": ")
            self._again(order, Failure(None, text, order.start, order.stop), "a worker")
        elif answer.lacks:
            self._give(self._sent.with_content(order))
        else:
            self._suspects.discard(order.start)
            done = answer.parts[-1].stop if answer.parts else order.start
            if answer.failure is not None:
                self._again(replace(order, start=done), answer.failure, answer.worker)
            elif done < order.stop:
                self._waiting.appendleft((done, order.stop))
                if not answer.parts:  # a worker in a container: it thinks that the run is over
                    self._order = replace(self._order, is_seen=False)

    def _keep(self, answer: ShardAnswer) -> None:
        for part in answer.parts:
            self.ahead[part.start] = part
            self._count(part.stop - part.start)

    def _again(self, order: Order, failure: Failure, worker: str) -> None:
        """Have a shard tried again.

        Raises:
            UsageError: It was, as often as it may.
        """
        self._tries[failure.start] += 1
        if self._tries[failure.start] >= _TRIES:
            raise failure.named(f"was tried {_TRIES} times, last by {worker}")
        self._waiting.appendleft((order.start, order.stop))

    def _mourn(self, broken: Order) -> None:
        """The pool is gone, and with it all orders: find who made it break, one at a time.

        Raises:
            UsageError: One order broke it again and again, or there can be no other pool.
        """
        lost = [broken]
        while (outcome := self._crew.next_outcome(_PATIENCE)) is not None:
            if outcome.answer is None:
                self._crew.settle(outcome.order)
                lost.append(outcome.order)
            else:
                self._take(outcome)
        for order in sorted(lost, key=lambda order: order.start, reverse=True):
            self._waiting.appendleft((order.start, order.stop))
            self._deaths[order.start] += 1
            self._suspects.add(order.start)
            if self._deaths[order.start] >= _DEATHS:
                text = "the worker died, as it does where memory is short"
                failure = Failure(None, text, order.start, order.stop)
                raise failure.named(f"was tried {_DEATHS} times")
        self._crew.renew()

    def wind_up(self) -> None:
        """Take in what workers have done until they stop; pressed again, Ctrl-C does not wait."""
        if self._is_over:
            return
        self._is_over = True
        self._sent.call_off(self._crew)
        self._take_last(_QUIET)
        with suppress(Warning):  # where a warning is an error, the interrupt counts for more
            if self._crew.n_running:
                warn(
                    f"Stopping: waiting for the batches that workers are at (at most "
                    f"{_PATIENCE:.0f} s); Ctrl-C again does not wait."
                )
        self._take_last(_PATIENCE - _QUIET)

    def _take_last(self, seconds: float) -> None:
        """Take in what comes back within a time, and give out nothing."""
        until = time.monotonic() + seconds
        while (outcome := self._crew.next_outcome(until - time.monotonic())) is not None:
            if outcome.answer is not None:
                self._keep(outcome.answer)
            self._crew.settle(outcome.order)
            with suppress(Warning):
                self._relay.show(outcome.answer.warned if outcome.answer else ())


def _batches_of_each(n_batches: int, n_workers: int, whole: bool) -> int:
    """How many batches make a shard: few enough that nobody waits long for the last one."""
    shards = n_workers * (2 if whole else 4)
    return max(1, min(n_batches // shards, 10_000 if whole else 16))
