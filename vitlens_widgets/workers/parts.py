"""What a job gives, batch after batch, whoever does it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from vitlens_widgets.trace.example_batches import batches
from vitlens_widgets.workers.order import BatchJob, Part
from vitlens_widgets.workers.shards import Shards


def parts_of(
    job: BatchJob,
    executor: Any,
    span: tuple[int, int],
    batch_size: int,
    count: Callable[[int], object],
) -> Generator[Part]:
    """The parts of a job that adds nothing up, each batch alone, in order.

    Args:
        job: What is done with each batch.
        executor: Whose workers do it; None for this process.
        span: The first image, and the first that is left out.
        batch_size: How many images the model runs together.
        count: Is told of images that are done.

    Raises:
        UsageError: As `Shards` and `batches`.
    """
    start, stop = span
    if executor is not None:
        with Shards(job, executor, batch_size, count) as shards:
            yield from shards.parts(start, stop)
        return
    words = {"any_class": job.any_class, "digests": job.digests}
    for batch in batches(job.vit, job.data, start, stop, batch_size, job.labels, **words):
        first, last = batch.numbers[0], batch.numbers[-1]
        yield Part(first, last + 1, job.add({}, batch), batch.digests)
        count(len(batch))
