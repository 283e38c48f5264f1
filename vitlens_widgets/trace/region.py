"""The part of a site's tensor that an edit is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from vitlens_widgets.errors import UsageError
from vitlens_widgets.trace.context import Context
from vitlens_widgets.trace.selection import Choice, indices
from vitlens_widgets.trace.sites import axes_of


@dataclass(frozen=True)
class Region:
    """Chosen indices along each axis after `image`; every combination of them belongs to it."""

    chosen: tuple[Tensor, ...]

    def read(self, value: Tensor) -> Tensor:
        """`[image, ...]` to `[image, chosen, ...]`, a copy."""
        return value[(slice(None), *self.mesh)]

    def write(self, value: Tensor, new: Tensor) -> Tensor:
        """A copy of `value` with `new` in the region; gradients flow through both."""
        out = value.clone()
        out[(slice(None), *self.mesh)] = new
        return out

    def with_every_key(self, n_keys: int) -> Region:
        """The whole rows of an attention region."""
        return Region((*self.chosen[:-1], torch.arange(n_keys)))

    @property
    def mesh(self) -> tuple[Tensor, ...]:
        """Indices of the axes after `image`, each broadcast along the others."""
        count = len(self.chosen)
        shapes = [[-1 if i == axis else 1 for i in range(count)] for axis in range(count)]
        return tuple(c.view(shape) for c, shape in zip(self.chosen, shapes, strict=True))


def region_of(site: str, choices: Mapping[str, Choice], context: Context, edit: str) -> Region:
    """The region that choices of heads, tokens, queries and keys make at a site.

    Args:
        site: The site.
        choices: By `"head"`, `"token"`, `"query"` and `"key"`; None chooses all.
        context: The run.
        edit: Whose region it is, to begin the error sentence.

    Raises:
        UsageError: A choice that this site does not have, or that is out of range.
    """
    axes = axes_of(site)
    for name, choice in choices.items():
        if name not in axes and choice is not None:
            one_head = ' One head\'s output is chosen at "z".' if name == "head" else ""
            raise UsageError(
                f'{edit}: "{site}" has no {name} to choose; it has {", ".join(axes)}.{one_head}'
            )
    n_heads = context.vit.n_heads
    return Region(
        tuple(
            indices(axis, choices[axis], n_heads)
            if axis == "head"
            else context.positions(axis, choices[axis])
            for axis in axes
        )
    )
