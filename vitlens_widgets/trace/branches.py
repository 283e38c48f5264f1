"""One site that several branches of a block show, one after the other, handled as one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import Tensor

from vitlens_widgets.models.hook_points import AnyHookPoint, HookPoint, JoinedPoint

Handler = Callable[[Tensor], Tensor | None]
"""Takes a site's value and gives what shall stand in its place, or None to leave it."""


def by_part(point: AnyHookPoint, handler: Handler) -> list[tuple[HookPoint, Handler]]:
    """Hook points and what to do at each, so that `handler` sees the site once and whole."""
    if isinstance(point, HookPoint):
        return [(point, handler)]
    site = _Branches(point, handler)
    arrive = site.repeat if point.how == "same" else site.gather
    return [(part, partial(arrive, i)) for i, part in enumerate(point.parts)]


class _Branches:
    """The values of the branches that have run so far."""

    def __init__(self, point: JoinedPoint, handler: Handler) -> None:
        self.point = point
        self.handler = handler
        self.values: list[Tensor] = []
        self.new: Tensor | None = None

    def gather(self, i: int, value: Tensor) -> Tensor | None:
        """Wait for the last branch; what was changed is put into what it shows."""
        if i == 0:
            self.values = []
        self.values.append(value)
        if i + 1 < len(self.point.parts):
            return None
        values, self.values = self.values, []
        new = self.handler(self.point.join(values))
        return None if new is None else self.point.last(values, new)

    def repeat(self, i: int, value: Tensor) -> Tensor | None:
        """What was changed for the first branch is changed for all."""
        if i == 0:
            self.new = self.handler(value)
        return self.new
