"""An executor that works at once, in this process: for what needs no other one."""

from __future__ import annotations

from concurrent.futures import Executor, Future


class AtOnce(Executor):
    """As if there were several workers, each done when the next is asked."""

    def __init__(self, n_workers=2):
        self._max_workers = n_workers
        self.orders = []

    def submit(self, work, order):
        self.orders.append(order)
        future = Future()
        future.set_result(work(order))
        return future
