"""`cluster`: workers on this machine, by Dask."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Generator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from vitlens_widgets.errors import UsageError, check_count, check_flag, counted
from vitlens_widgets.workers.interrupts import DEAF, HANDED_DOWN, started
from vitlens_widgets.workers.threads import cores

Answer = TypeVar("Answer")


class Cluster(Executor):
    """Workers on this machine, for `executor=`; ended by `shutdown`, or at the end of `with`.

    Args:
        n_workers: How many.
        dashboard: Whether Dask's page of what they do is served.

    Attributes:
        client: Dask's client.
    """

    def __init__(self, n_workers: int, dashboard: bool) -> None:
        self._has_page = dashboard
        local = partial(_local_cluster, _library(), n_workers, dashboard)
        self._cluster, self.client = started(local, _close)
        self._executor: Any = self.client.get_executor(pure=False)

    @property
    def dashboard(self) -> str:
        """The address of Dask's page; "" where there is none."""
        return str(self.client.dashboard_link) if self._has_page else ""

    def get_executor(self) -> Any:
        """Dask's own executor of these workers."""
        return self._executor

    def submit(self, fn: Callable[..., Answer], /, *args: Any, **kwargs: Any) -> Future[Answer]:
        """See `concurrent.futures.Executor`.

        Raises:
            RuntimeError: It was shut down.
        """
        if self._is_over:
            raise RuntimeError("cannot schedule new futures after shutdown")
        return self._executor.submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002
        """End the workers; what is not done is given up."""
        _close((self._cluster, self.client))

    @property
    def _is_over(self) -> bool:
        return self.client.status == "closed"

    def __repr__(self) -> str:
        if self._is_over:
            return "Cluster(shut down)"
        n_workers = len(self.client.scheduler_info(n_workers=-1)["workers"])
        page = f", {self.dashboard}" if self.dashboard else ""
        return f"Cluster({counted(n_workers, 'worker')}{page})"


def cluster(n_workers: int | None = None, *, dashboard: bool = False) -> Cluster:
    """Start workers on this machine, each a process of its own, for `executor=`.

    They load a model once each; so memory decides how many there can be, and starting them takes
    the seconds that importing torch does. Each computes with its share of the cores, unless
    `OMP_NUM_THREADS` was set by hand. They do not hear Ctrl-C: it ends the call, and they end with
    the batch that they are at.

    For a cluster of many machines, give `executor=` the `client.get_executor()` of Dask's own, such
    as `dask_jobqueue.SLURMCluster`. Dask lets workers of its own clusters compute with one thread
    each, if its setting `distributed.nanny.pre-spawn-environ` says nothing else, and that stays;
    they, too, end with their batch when a call is stopped, whatever machine they are on.

    Args:
        n_workers: How many; None for one per core that this process may use, eight at most.
        dashboard: Whether to serve Dask's page of what they do, at `.dashboard`.

    Raises:
        UsageError: Dask is not installed, or no such number.

    Example:
        >>> with vl.cluster(4) as executor:
        ...     found = vl.analysis.identifiability(vit, data, executor=executor, save_to="runs")
    """
    usual = min(_USUAL, cores())
    number = usual if n_workers is None else check_count("n_workers", n_workers, least=1)
    return Cluster(number, check_flag("dashboard=", dashboard))


_USUAL = 8
_ENVIRONMENT = "distributed.nanny.pre-spawn-environ"
_WRITTEN = ("PYTHONHASHSEED", "__DASK_PARENT_PID")


@contextmanager
def _environment_kept() -> Generator[None]:
    """What Dask writes into the environment, for processes that it starts, is as before."""
    before = {name: os.environ.get(name) for name in _WRITTEN}
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            os.environ.update({} if value is None else {name: value})


def _local_cluster(distributed: Any, n_workers: int, dashboard: bool) -> tuple[Any, Any]:
    """Dask's cluster and its client."""
    import dask

    words = {} if HANDED_DOWN else {"preload": DEAF}
    nothing: dict[str, Any] = {
        _ENVIRONMENT: {}
    }  # it would set one thread for each, and here as well
    with dask.config.set(nothing), _environment_kept():
        cluster = distributed.LocalCluster(
            n_workers=n_workers,
            threads_per_worker=1,  # a model is hooked while it runs: one shard at a time
            memory_limit=0,  # Dask ends workers that it thinks too large; models are large
            dashboard_address=":0" if dashboard else "127.0.0.1:0",  # a page or none, it listens
            scheduler_kwargs={"dashboard": dashboard},
            silence_logs=logging.ERROR,
            **words,
        )
    try:
        return cluster, distributed.Client(cluster)
    except BaseException:
        cluster.close()
        raise


def _close(made: tuple[Any, Any]) -> None:
    cluster, client = made
    client.close()
    cluster.close()


def _library() -> Any:
    """Dask's scheduler.

    Raises:
        UsageError: It is not installed.
    """
    try:
        import distributed
    except ImportError as error:
        raise UsageError(
            "vl.cluster needs Dask: pip install vitlens_widgets[cluster]; a ProcessPoolExecutor "
            "needs nothing."
        ) from error
    return distributed
