"""What a job gives, batch after batch, whoever does it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager

from vitlens_widgets.trace.example_batches import batches
from vitlens_widgets.workers.order import BatchJob, Part
from vitlens_widgets.workers.shards import Shards


def _not_kept(_parts: Sequence[Part]) -> None:
    """For whoever keeps nothing."""


@contextmanager
def parts_of(
    job: BatchJob,
    executor: object,
    span: tuple[int, int],
    batch_size: int,
    count: Callable[[int], object],
    ahead: Sequence[Part] = (),
    keep: Callable[[Sequence[Part]], object] = _not_kept,
) -> Generator[Iterator[Part]]:
    """The parts of a job that adds nothing up, each batch alone, in order.

    Args:
        job: What is done with each batch.
        executor: Whose workers do it; None for this process.
        span: The first image, and the first that is left out.
        batch_size: How many images the model runs together.
        count: Is told of images that are done.
        ahead: What is done of these images already, in no order.
        keep: Where an error or Ctrl-C ends the block, is given what workers have done that was not
            taken; the part that was being taken may be among it.

    Raises:
        UsageError: As `Shards` and `batches`.
    """
    start, stop = span
    known = [part for part in ahead if start <= part.start and part.stop <= stop]
    if executor is None:
        with closing(_here(job, span, batch_size, count, known)) as parts:
            yield parts
        return
    with Shards(job, executor, batch_size, count) as shards, shards.keeping(keep):
        yield shards.parts(start, stop, known)


def _here(
    job: BatchJob,
    span: tuple[int, int],
    batch_size: int,
    count: Callable[[int], object],
    ahead: Sequence[Part],
) -> Generator[Part]:
    """By this process, and between its batches what others have done before."""
    start, stop = span
    words = {"any_class": job.any_class, "digests": job.digests}
    for part in [*sorted(ahead, key=lambda one: one.start), None]:
        end = stop if part is None else part.start
        for batch in batches(job.vit, job.data, start, end, batch_size, job.labels, **words):
            first, last = batch.numbers[0], batch.numbers[-1]
            yield Part(first, last + 1, job.add({}, batch), batch.digests)
            count(len(batch))
        if part is not None:
            yield part
            start = part.stop
