"""The part of a site's tensor that an edit is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from vitlens_widgets.errors import UsageError
from vitlens_widgets.trace.selection import indices
from vitlens_widgets.trace.sites import axes_of

if TYPE_CHECKING:
    from vitlens_widgets.trace.context import Context

_CHOICES = ("head", "token", "query", "key")


@dataclass(frozen=True)
class Region:
    """Chosen indices along each axis after `image`; every combination of them belongs to it."""

    chosen: tuple[Tensor, ...]

    def read(self, value: Tensor) -> Tensor:
        """`[image, ...]` to `[image, chosen, ...]`, a copy."""
        return value[self._index()]

    def write(self, value: Tensor, new: Tensor) -> Tensor:
        """A copy of `value` with `new` in the region; gradients flow through both."""
        out = value.clone()
        out[self._index()] = new
        return out

    def with_every_key(self, n_keys: int) -> Region:
        """The whole rows of an attention region."""
        return Region((*self.chosen[:-1], torch.arange(n_keys)))

    def _index(self) -> tuple[Any, ...]:
        count = len(self.chosen)
        shapes = [[-1 if i == axis else 1 for i in range(count)] for axis in range(count)]
        mesh = (c.view(shape) for c, shape in zip(self.chosen, shapes, strict=True))
        return (slice(None), *mesh)


def region_of(edit: Any, context: Context) -> Region:
    """The region that an edit's `head`, `token`, `query` and `key` choose at its site.

    Raises:
        UsageError: A choice that this site does not have, or that is out of range.
    """
    axes = axes_of(edit.site)
    for name in _CHOICES:
        if name not in axes and getattr(edit, name) is not None:
            one_head = ' One head\'s output is chosen at "z".' if name == "head" else ""
            raise UsageError(
                f'{edit!r}: "{edit.site}" has no {name} to choose; it has {", ".join(axes)}.'
                f"{one_head}"
            )
    chosen = []
    for axis in axes:
        choice = getattr(edit, axis)
        if axis == "head":
            chosen.append(indices("head", choice, context.vit.n_heads))
        else:
            chosen.append(context.positions(axis, choice))
    return Region(tuple(chosen))
