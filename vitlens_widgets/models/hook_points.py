"""`HookPoint`: where one site of one block shows in its modules, to be read and to be written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NoReturn

import torch
from torch import Tensor, nn

from vitlens_widgets.errors import UnsupportedModelError, UsageError

View = Callable[[Tensor], Tensor]
"""Shows a part of a tensor, or all of it, in a site's own shape; always a view, so that what is
written into the site is written into the tensor."""


def _as_it_is(value: Tensor) -> Tensor:
    return value


@dataclass(frozen=True)
class HookPoint:
    """Where one site of one block shows.

    Args:
        module: The module to watch.
        side: What of it is the site: its first `"input"`, its (first) `"output"`, or, of a linear
            layer whose weight the model hands to `torch.nn.functional.linear` itself, the result
            of that call (`"linear"`).
        shape: Brings that tensor into the site's own shape.
    """

    module: nn.Module
    side: Literal["input", "output", "linear"]
    shape: View = _as_it_is

    def check_edits(self) -> None:
        """Refuse what no edit can change.

        Raises:
            UsageError: The site can only be read.
        """

    def read(self, raw: Tensor) -> Tensor:
        """The site's value in the tensor that the module shows."""
        return self.shape(raw)

    def write(self, raw: Tensor, new: Tensor) -> Tensor:
        """The module's tensor with a new value of the site in it; `raw` is left as it is."""
        if self.shape(raw) is raw:
            return new
        out = raw.clone()
        self.shape(out).copy_(new)
        return out


@dataclass(frozen=True)
class ScaledPoint(HookPoint):
    """A site that is a module's tensor times a layer scale `[d]` that no module applies alone."""

    scale: Tensor = field(kw_only=True)

    def check_edits(self) -> None:
        """See `HookPoint.check_edits`; a scale of zero in some channel lets nothing through."""
        if (self.scale == 0).any():
            raise UsageError("A layer scale of zero lets no edit through; edit the state instead.")

    def read(self, raw: Tensor) -> Tensor:
        """The tensor times the scale."""
        return _of_its_own(self.shape(raw) * self.scale)

    def write(self, raw: Tensor, new: Tensor) -> Tensor:
        """The tensor that, scaled, gives the new value."""
        return super().write(raw, new / self.scale)


@dataclass(frozen=True)
class GroupedPoint(HookPoint):
    """Keys or values `[image, token, kv_head, d_head]` that each serve `group` query heads."""

    group: int = 1

    def read(self, raw: Tensor) -> Tensor:
        """Once for every query head, `[image, token, head, d_head]`."""
        return _of_its_own(self.shape(raw).repeat_interleave(self.group, dim=2))

    def check_shared(self, new: Tensor) -> None:
        """Refuse different values for heads that share one.

        Raises:
            UsageError: They differ in `new`, `[image, token, head, d_head]`.
        """
        by_group = torch.unflatten(new, 2, (-1, self.group))
        if not torch.equal(by_group, by_group[:, :, :, :1].expand_as(by_group)):
            raise UsageError(
                f"Each {self.group} heads in a row share one key and value head here; make the "
                "same edit in all of them."
            )

    def write(self, raw: Tensor, new: Tensor) -> Tensor:
        """The shared heads again; raises as `check_shared`."""
        self.check_shared(new)
        by_group = torch.unflatten(new, 2, (-1, self.group))
        return super().write(raw, by_group.mean(3))  # of equals; every head has its gradient


@dataclass(frozen=True)
class ReadOnlyPoint(HookPoint):
    """A site computed from what a module shows, because the model never shows the site itself."""

    compute: View = _as_it_is
    reason: str = ""

    def check_edits(self) -> NoReturn:
        """See `HookPoint.check_edits`; always refused."""
        raise UsageError(f"This site can be read but not edited: {self.reason}.")

    def read(self, raw: Tensor) -> Tensor:
        """The site, computed anew."""
        return self.compute(raw)

    def write(self, raw: Tensor, new: Tensor) -> Tensor:  # noqa: ARG002
        """Refused."""
        return self.check_edits()


@dataclass(frozen=True)
class JoinedPoint:
    """A site that several branches of one block show, one after the other.

    Args:
        parts: One hook point per branch, in the order in which they run.
        how: `"side_by_side"`: heads or neurons of one branch after the other; `"sum"`: their sum;
            `"same"`: each branch shows the same tensor.
    """

    parts: tuple[HookPoint, ...]
    how: Literal["side_by_side", "sum", "same"]

    def check_edits(self) -> None:
        """See `HookPoint.check_edits`; the first branches went on with their own heads or neurons.

        What branches add up to is changed in what the last one adds.
        """
        if self.how == "side_by_side":
            raise UsageError(
                "Heads and neurons of blocks that run branches side by side can be read but not "
                "edited; edit attn_out, mlp_out or the states."
            )

    def join(self, values: list[Tensor]) -> Tensor:
        """The site's value, from those of all branches."""
        if self.how == "sum":
            return _of_its_own(torch.stack(values).sum(0))
        return torch.cat(values, dim=2)

    def last(self, values: list[Tensor], new: Tensor) -> Tensor:
        """What the last branch must show to make the site's value `new`."""
        self.check_edits()
        return new - sum(values[:-1])


AnyHookPoint = HookPoint | JoinedPoint


class HookPoints(dict[str, AnyHookPoint]):
    """The hook points of one block by site; a site that the block does not have is refused.

    Args:
        points: Those it has.
        absent: Why it lacks the sites it lacks, by site.
    """

    def __init__(
        self, points: Mapping[str, AnyHookPoint], absent: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(points)
        self.absent = dict(absent or {})

    def __missing__(self, site: str) -> AnyHookPoint:
        raise UnsupportedModelError(f'This model has no site "{site}": {self.absent[site]}.')


def split_heads(n_heads: int) -> View:
    """`[image, token, head * d_head]` seen as `[image, token, head, d_head]`."""
    return lambda value: torch.unflatten(value, -1, (n_heads, -1))


def heads_after_tokens(value: Tensor) -> Tensor:
    """`[image, head, token, d_head]` seen as `[image, token, head, d_head]`."""
    return value.transpose(1, 2)


def part_of(parts: int, index: int, n_heads: int) -> View:
    """One of the equal parts of a fused projection, `[image, token, head, d_head]`."""
    return lambda fused: torch.unflatten(fused, -1, (parts, n_heads, -1))[:, :, index]


def slice_of(start: int, stop: int) -> View:
    """Some of the channels, `[image, token, stop - start]`."""
    return lambda value: value[..., start:stop]


def _of_its_own(value: Tensor) -> Tensor:
    """A derived value as a view, which is how a value is told from the module's own tensor."""
    return value.view_as(value)
