"""`cluster`: workers on this machine, by Dask."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, TypeVar

from vitlens_widgets.errors import UsageError, check_count, check_flag
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
        distributed = _library()
        self._has_page = dashboard
        self._cluster = distributed.LocalCluster(
            n_workers=n_workers,
            threads_per_worker=1,  # a model is hooked while it runs: one shard at a time
            memory_limit=0,  # Dask ends workers that it thinks too large; models are large
            dashboard_address=":0" if dashboard else None,
            silence_logs=logging.ERROR,
        )
        self.client: Any = distributed.Client(self._cluster)
        self._executor: Any = self.client.get_executor(pure=False)

    @property
    def dashboard(self) -> str:
        """The address of Dask's page; "" where there is none."""
        return str(self.client.dashboard_link) if self._has_page else ""

    def get_executor(self) -> Any:
        """Dask's own executor of these workers."""
        return self._executor

    def submit(self, fn: Callable[..., Answer], /, *args: Any, **kwargs: Any) -> Future[Answer]:
        """See `concurrent.futures.Executor`."""
        return self._executor.submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002
        """End the workers; what is not done is given up."""
        self.client.close()
        self._cluster.close()

    def __repr__(self) -> str:
        n_workers = len(self.client.scheduler_info(n_workers=-1)["workers"])
        return f"Cluster({n_workers} workers{', ' + self.dashboard if self.dashboard else ''})"


def cluster(n_workers: int | None = None, *, dashboard: bool = False) -> Cluster:
    """Start workers on this machine, each a process of its own, for `executor=`.

    They load a model once each; so memory decides how many there can be, and starting them takes
    the seconds that importing torch does. For a cluster of many machines, give `executor=` the
    `client.get_executor()` of Dask's own, such as `dask_jobqueue.SLURMCluster`.

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
