"""`Crew`: any executor, seen one way."""

from __future__ import annotations

import multiprocessing
import queue
import time
from collections import Counter
from concurrent.futures import (
    BrokenExecutor,
    CancelledError,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from contextlib import nullcontext, suppress
from functools import partial
from inspect import signature
from typing import Any, NamedTuple

import torch

from vitlens_widgets.errors import UsageError, said, warn, whole_number
from vitlens_widgets.workers.interrupts import handed_down
from vitlens_widgets.workers.order import Order, ShardAnswer, call_off
from vitlens_widgets.workers.threads import cores
from vitlens_widgets.workers.worker import work

_UNHEARD = 45.0  # less than an interrupt has patience
_COUNTS = ("_max_workers", "max_workers", "num_workers")  # loky's, executorlib's, mpi4py's


class Outcome(NamedTuple):
    """An order's future that is done."""

    order: Order
    answer: ShardAnswer | None
    """None where there is none: the worker died, or the executor failed."""
    error: BaseException | None
    """Why there is none."""

    @property
    def is_broken(self) -> bool:
        """Whether the executor takes no further orders."""
        return isinstance(self.error, BrokenExecutor)


class Crew:
    """The workers behind an executor.

    Args:
        executor: In the sense of `concurrent.futures`, or Dask's client.
        on_gpu: Whether the model is to be on GPUs.

    Attributes:
        n_workers: How many there are, as far as the executor tells.
        sharing: How many of them share this machine, if they are here.
        elsewhere: How many share another one, as far as it tells.
        seconds: From one answer to the next, at most, of those who do not hear that it is over.
        forked: Whether they are copies of this process.
        may_be_elsewhere: Whether some may be on another machine, and nobody tells them anything.

    Raises:
        UsageError: It is no executor, or one whose workers cannot compute on GPUs.
    """

    def __init__(self, executor: Any, on_gpu: bool) -> None:
        self._given = self._executor = _checked(executor)
        self._dask: Any = getattr(self._executor, "_client", None)
        # it gives the same answer to the same question, also if that was an error
        self._words = {} if self._dask is None else {"pure": False}
        self.n_workers = _count(self._executor)
        by_machine = _by_machine(self._executor).values()
        self.sharing = max(by_machine, default=self.n_workers)
        self.elsewhere = max(by_machine, default=1)
        self.seconds = _UNHEARD if self._dask is None else float("inf")
        self.forked = _forks(self._executor)
        is_pool = isinstance(self._executor, ProcessPoolExecutor)
        self.may_be_elsewhere = not is_pool and self._dask is None
        if self.forked and (on_gpu or torch.cuda.is_initialized()):
            raise UsageError(
                "This ProcessPoolExecutor copies a process that has begun to use a GPU, and no "
                "copy can go on with that; give it "
                'mp_context=multiprocessing.get_context("spawn").'
            )
        self._told: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._given_out: dict[int, tuple[Order, Any]] = {}

    @property
    def n_running(self) -> int:
        """Orders that are not settled."""
        return len(self._given_out)

    def give(self, order: Order) -> None:
        """Give an order; it comes back by `next_outcome`, also where it cannot be given.

        Raises:
            UsageError: The executor was shut down.
        """
        is_pool = isinstance(self._executor, ProcessPoolExecutor)  # it starts workers when asked
        with handed_down() if is_pool else nullcontext():
            future = self._submitted(order)
            self._given_out[order.number] = order, future

        def tell(_future: Any) -> None:
            self._told.put(order.number)

        future.add_done_callback(tell)

    def _submitted(self, order: Order) -> Any:
        """The future of an order; of a broken executor, one that says so.

        Raises:
            UsageError: The executor was shut down.
        """
        try:
            return self._executor.submit(work, order, **self._words)
        except BrokenExecutor as error:
            future = Future[Any]()
            future.set_exception(error)
            return future
        except Exception as error:
            if _is_closed(self._executor):
                raise _ended(f"{said(self._given)} was shut down") from error
            if isinstance(error, RuntimeError):
                raise _ended(error) from error
            raise

    def next_outcome(self, seconds: float = float("inf")) -> Outcome | None:
        """An order that has come back and is not settled; None where none does in time.

        Until it is settled it is there: an interrupt may come when it has just been asked for.
        """
        until = time.monotonic() + seconds
        while self._given_out:
            for order, future in self._given_out.values():
                if future.done():
                    return _outcome(order, future)
            if _is_closed(self._executor):  # what it has not answered it never will
                order = next(iter(self._given_out.values()))[0]
                return Outcome(order, None, RuntimeError("the executor was shut down"))
            if time.monotonic() >= until:
                break
            with suppress(queue.Empty):  # a moment, so that Ctrl-C is heard on every system
                self._told.get(timeout=0.2)
        return None

    def settle(self, order: Order) -> None:
        """What came back of an order has been taken in."""
        self._given_out.pop(order.number, None)

    def call_off(self, stop_file: str) -> None:
        """Take back what no worker has begun.

        Dask does not tell what that is, and would end what runs; but it tells all workers, also
        those of other machines, that orders with this file are called off.
        """
        if self._dask is not None:
            if _is_closed(self._executor):
                return
            self._dask.loop.add_callback(partial(self._tell, stop_file))
            return  # whoever does not answer is not waited for
        for _, future in self._given_out.values():
            future.cancel()

    async def _tell(self, stop_file: str) -> None:
        words: dict[str, Any] = {"on_error": "ignore", "asynchronous": True}
        with suppress(OSError, RuntimeError):  # the cluster is closed meanwhile
            await self._dask.run(call_off, stop_file, **words)

    def renew(self) -> None:
        """New workers, where the executor is broken: a pool like the one that was given.

        How a pool was made is said by its private attributes alone.

        Raises:
            UsageError: It is of another kind.
        """
        if type(self._given) is not ProcessPoolExecutor:
            raise UsageError(
                f"{said(self._given).capitalize()} broke, and takes no more work: make a new one, "
                "and call again."
            )
        warn(
            "A worker process died, and the pool with it; what it was at is done again by a new "
            "pool like it."
        )
        self.close()
        given = {
            word: getattr(self._given, f"_{word}")
            for word in signature(type(self._given)).parameters
        }
        self._executor = ProcessPoolExecutor(**given)

    def close(self) -> None:
        """Let go of workers of its own; those that were given are left as they are."""
        if self._executor is not self._given:
            self._executor.shutdown(wait=False, cancel_futures=True)


def _outcome(order: Order, future: Any) -> Outcome:
    try:
        answer = future.result()
    except (Exception, CancelledError) as error:
        return Outcome(order, None, error)
    if isinstance(answer, ShardAnswer):
        return Outcome(order, answer, None)
    return Outcome(order, None, TypeError(f"it gave back {said(answer)}"))


def _checked(executor: Any) -> Any:
    """The executor.

    Raises:
        UsageError: It is none, or was shut down.
    """
    made = executor.get_executor() if hasattr(executor, "get_executor") else executor
    if isinstance(made, type) or not callable(getattr(made, "submit", None)):
        raise UsageError(
            f"executor= takes an executor of concurrent.futures, such as vl.cluster(), a "
            f"ProcessPoolExecutor or Dask's client.get_executor(), not {said(executor)}."
        )
    if _is_closed(made):
        raise _ended(f"{said(executor)} was shut down")
    if isinstance(made, ThreadPoolExecutor):
        warn(
            "Threads of one process run a model one after the other: a ThreadPoolExecutor gains "
            "nothing here, and a ProcessPoolExecutor does."
        )
    return made


def _is_closed(executor: Any) -> bool:
    """Whether it is Dask's, and answers no question any more."""
    return getattr(getattr(executor, "_client", None), "status", "") == "closed"


def _ended(why: object) -> UsageError:
    return UsageError(f"executor= takes no more work ({why}): make a new one, and call again.")


def _count(executor: Any) -> int:
    """The workers; as many as there are cores, where the executor does not tell."""
    told = (getattr(executor, name, None) for name in _COUNTS)
    counts = (sum(_by_machine(executor).values()), *map(whole_number, told))
    return next((n for n in counts if n is not None and n > 0), cores())


def _by_machine(executor: Any) -> Counter[str]:
    """How many workers each machine has, where the executor is Dask's."""
    client = getattr(executor, "_client", None)
    if client is None:
        return Counter()
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    return Counter(str(worker["host"]) for worker in workers)


def _forks(executor: Any) -> bool:
    """Whether the workers are copies of this process, in which torch's threads are gone."""
    if not isinstance(executor, ProcessPoolExecutor):
        return False
    context = getattr(executor, "_mp_context", None) or multiprocessing.get_context()
    return context.get_start_method() == "fork"
