"""What a worker does: it unpacks a job once, and then runs shards of it, one at a time."""

from __future__ import annotations

import os
import platform
import threading
import time
import traceback
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from torch import nn

from vitlens_widgets.errors import UsageError
from vitlens_widgets.trace.example_batches import ExampleBatch, batches
from vitlens_widgets.trace.fingerprint import fingerprint_of_module
from vitlens_widgets.workers.device import own_device
from vitlens_widgets.workers.interrupts import not_heard
from vitlens_widgets.workers.order import BatchJob, Failure, Order, Part, SentModel, ShardAnswer
from vitlens_widgets.workers.parcel import unpacked
from vitlens_widgets.workers.recipe import ModelRecipe
from vitlens_widgets.workers.threads import set_by_hand, threads_of_each
from vitlens_widgets.workers.warned import Warned, listening

Kept = TypeVar("Kept")

_MOST_KEPT = 2
_turn = threading.Lock()  # models are hooked while they run: one thread of a process at a time
_models: OrderedDict[str, nn.Module] = OrderedDict()
_jobs: OrderedDict[str, BatchJob] = OrderedDict()


def work(order: Order) -> ShardAnswer:
    """Run a shard.

    What fails is said in the answer, with the batches that were done before.
    """
    with _turn, not_heard(order):
        begun = time.monotonic()
        _pin_threads(order)
        shard = _Shard(order)
        failure = None
        warned: Sequence[Warned] = ()
        try:
            with listening(wanted=not order.is_own):  # who asked heard it, when that was made
                job = _job_of(order)
            if job is None:
                return ShardAnswer((), _name(), lacks=True)
            if not order.is_called_off():
                with listening(wanted=not order.is_own) as warned:
                    shard.run(job)
        except Exception as error:  # is said to who asked, whatever it is
            failure = _failure(error, shard.at, min(shard.at + order.batch_size, order.stop))
        return ShardAnswer(shard.parts, _name(), time.monotonic() - begun, failure, warned=warned)


def _pin_threads(order: Order) -> None:
    """Give torch this worker's share of the cores, unless what started it has said how many."""
    if order.is_own:
        return
    sharing = order.sharing if order.is_here else order.elsewhere
    wanted = torch.get_num_threads() if set_by_hand() else threads_of_each(sharing)
    wanted = 1 if order.forked else wanted  # a copy lacks the threads that its copy of torch has
    if wanted != torch.get_num_threads():
        torch.set_num_threads(wanted)


class _Shard:
    """A shard, of which more and more is done.

    Attributes:
        parts: What is.
        at: The first image that is not.
    """

    def __init__(self, order: Order) -> None:
        self.parts: list[Part] = []
        self.at = order.start
        self._order = order

    def run(self, job: BatchJob) -> None:
        """Do all of it, or as much as is wanted."""
        order, begun = self._order, time.monotonic()
        span = (order.start, order.stop, order.batch_size, job.labels)
        for batch in batches(
            job.vit, job.data, *span, any_class=job.any_class, digests=job.digests
        ):
            if job.whole:
                self._join(job, batch)
            else:
                new = self.at + len(batch)
                self.parts.append(Part(self.at, new, job.add({}, batch), batch.digests))
                self.at = new
            is_long = time.monotonic() - begun > order.seconds and not order.is_on()
            if is_long or order.is_called_off():
                return

    def _join(self, job: BatchJob, batch: ExampleBatch) -> None:
        """The one part, with a batch; tallies are changed in place, so none is kept meanwhile."""
        before = self.parts.pop() if self.parts else Part(self.at, self.at, {})
        tallies, digests = job.add(before.tallies, batch), (*before.digests, *batch.digests)
        self.at += len(batch)
        self.parts.append(Part(before.start, self.at, tallies, digests))


def _job_of(order: Order) -> BatchJob | None:
    """The job, unpacked at most once; None where this machine has not what it is made of."""

    def unpack() -> BatchJob | None:
        model, content = _model_of(order.model), order.job.read()
        return None if model is None or content is None else unpacked(content, model)

    return _kept(_jobs, f"{order.job.key} {_key(order.model)}", unpack)


def _model_of(sent: SentModel) -> nn.Module | None:
    """The model, loaded at most once: by its recipe, if that makes this very one."""

    def load() -> nn.Module | None:
        if sent.recipe is not None and (model := _as_by_recipe(sent, sent.recipe)) is not None:
            return model
        content = sent.parcel.read()
        return None if content is None else unpacked(content)

    return _kept(_models, _key(sent), load)


def _key(sent: SentModel) -> str:
    """What tells a model from others; a job names its parts alone, and is another with each."""
    return f"{sent.digest} {sent.on_gpu}"


def _as_by_recipe(sent: SentModel, recipe: ModelRecipe) -> nn.Module | None:
    """What the recipe makes; None where it cannot be made here, or is another model."""
    try:
        model = recipe.module(str(own_device()) if sent.on_gpu else None)
    except Exception:  # a hub that this machine does not reach, a library that it has not
        return None
    return model if fingerprint_of_module(model) == sent.digest else None


def _kept(kept: OrderedDict[str, Kept], key: str, make: Callable[[], Kept | None]) -> Kept | None:
    """What was made before under this key; the least recently used others are let go."""
    made = kept.pop(key, None) or make()
    if made is not None:
        kept[key] = made
        while len(kept) > _MOST_KEPT:
            kept.popitem(last=False)
    return made


def _failure(error: Exception, start: int, stop: int) -> Failure:
    known = isinstance(error, UsageError)
    text = str(error) if known else f"{type(error).__name__}: {error}"
    kind = type(error) if known else None
    return Failure(kind, text, start, stop, traceback.format_exc())


def _name() -> str:
    return f"process {os.getpid()} of {platform.node()}"
