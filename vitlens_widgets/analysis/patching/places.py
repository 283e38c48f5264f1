"""Places in a run, one by one or a whole sweep of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, cast

import torch
from torch import Tensor

from vitlens_widgets.errors import (
    UsageError,
    as_list,
    check_choice,
    did_you_mean,
    quoted_list,
    said,
)
from vitlens_widgets.trace.context import Context
from vitlens_widgets.trace.region import Region, region_of
from vitlens_widgets.trace.selection import Choice, indices
from vitlens_widgets.trace.sites import axes_of, check_index

SITES = {
    "resid_pre": "state",
    "resid_post": "state after",
    "resid_mid": "state between attention and MLP",
    "attn_out": "attention",
    "mlp_out": "MLP",
    "z": "output",
    "q": "query",
    "k": "key",
    "v": "value",
    "pattern": "pattern",
    "mlp_pre": "neuron's input",
    "mlp_post": "neuron",
}
"""The sites where values can be exchanged, and what people call them."""

NEURON_SITES = ("mlp_pre", "mlp_post")
_MOST_PLACES = 200_000


@dataclass(frozen=True)
class Place:
    """A place in a run: a site of a block, and what of it; None is all.

    Args:
        site: One of `SITES`, such as `"z"`: what a head gives.
        layer: The block, counted from 0.
        head: Which heads, at `q k v z pattern`.
        token: Which tokens, at every site but `pattern`.
        query: Which rows, at `pattern`.
        key: Which columns, at `pattern`.
        neuron: Which neurons, at `mlp_pre mlp_post`.

    Example:
        >>> Place("z", 3, head=1)  # all that head 1 of block 3 gives
        >>> Place("resid_pre", 4, token=[12, 13])  # two tokens of the state before block 4
    """

    site: str
    layer: int
    head: Choice = None
    token: Choice = None
    query: Choice = None
    key: Choice = None
    neuron: Choice = None

    @property
    def choices(self) -> dict[str, Choice]:
        """What is chosen, by axis."""
        return {name: getattr(self, name) for name in ("head", "token", "query", "key", "neuron")}

    def __str__(self) -> str:
        """`L3 H1`, `L3 H1 query`, `state 4_pre, token 12`."""
        chosen = {name: one for name, one in self.choices.items() if one is not None}
        head = chosen.pop("head", None)
        if self.site == "resid_pre":
            words = [f"state {self.layer}_pre"]
        elif self.site == "z" and head is not None:
            words = [f"L{self.layer} H{_said(head)}"]
        else:
            at = "" if head is None else f" H{_said(head)}"
            words = [f"L{self.layer}{at} {SITES.get(self.site, self.site)}"]
        return ", ".join([*words, *(f"{name} {_said(one)}" for name, one in chosen.items())])


def axes_at(site: str) -> tuple[str, ...]:
    """The axes of a site along which places lie, the layer first.

    Raises:
        UsageError: It is no site, or none where values can be exchanged.
    """
    if not isinstance(site, str) or site not in SITES:
        near = did_you_mean(str(site), SITES)
        raise UsageError(
            f"Values are exchanged at {quoted_list(SITES)}, not at {said(site)}.{near}"
        )
    return ("layer", *axes_of(site), *(["neuron"] if site in NEURON_SITES else []))


def region(place: Place, context: Context, width: int) -> Region:
    """Where a place is in its site's tensor.

    Args:
        place: The place.
        context: The run.
        width: The length of the site's last axis.

    Raises:
        UsageError: It does not fit.
    """
    axes = axes_at(place.site)
    check_index("layer", place.layer, context.vit.n_layers)
    if place.neuron is not None and "neuron" not in axes:
        raise UsageError(f'"{place.site}" has no neuron to choose; {quoted_list(NEURON_SITES)} do.')
    choices = {name: one for name, one in place.choices.items() if name != "neuron"}
    found = region_of(place.site, choices, context, f"Place {place}")
    if place.neuron is None:
        return found
    return Region((*found.chosen, indices("neuron", place.neuron, width)))


@dataclass(frozen=True)
class Sweep:
    """Places along axes.

    Attributes:
        places: Every combination, the last axis running fastest.
        axes: Their names.
        along: What stands along each axis, by name.
    """

    places: list[Place]
    axes: tuple[str, ...]
    along: Mapping[str, list[int]]

    @property
    def shape(self) -> tuple[int, ...]:
        """How many places lie along each axis."""
        return tuple(len(self.along[axis]) for axis in self.axes)


def sweep(
    site: str,
    by: Sequence[str],
    context: Context,
    width: int,
    chosen: Mapping[str, Choice],
) -> Sweep:
    """All places of a site along some of its axes; what lies along the others is one.

    Args:
        site: The site.
        by: The axes, the layer among them.
        context: The run.
        width: The length of the site's last axis.
        chosen: Of an axis what shall be taken, by name; None is all.

    Raises:
        UsageError: An axis that the site does not have, no layer, or more places than anybody has
            the time for.
    """
    axes = _axes(site, by)
    for name, choice in chosen.items():
        if choice is not None and name not in axes_at(site):
            raise UsageError(f'"{site}" has no {name} to choose; it has {_listed(site)}.')
    sizes = {"layer": context.vit.n_layers, "head": context.vit.n_heads, "neuron": width}
    along = {axis: _along(axis, chosen.get(axis), sizes, context) for axis in axes}
    n_places = math.prod(map(len, along.values()))
    if n_places > _MOST_PLACES:
        raise UsageError(
            f"This sweep has {n_places:,} places, each a run of its own; choose some by "
            f"{'=, '.join(axes)}=, or leave an axis out of by=."
        )
    whole = {name: one for name, one in chosen.items() if name not in axes and one is not None}
    combined = (dict(zip(axes, at, strict=True)) for at in product(*along.values()))
    places = [Place(site, at.pop("layer"), **{**whole, **at}) for at in combined]
    return Sweep(places, axes, along)


def _axes(site: str, by: Any) -> tuple[str, ...]:
    own = axes_at(site)
    named = (by,) if isinstance(by, str) else as_list("by=", by, '("layer", "head")')
    axes = tuple(dict.fromkeys(check_choice(f'by= of "{site}"', axis, own) for axis in named))
    if "layer" not in axes:
        raise UsageError(
            'by= must have "layer" in it: what is exchanged in several blocks together is given '
            "as places=."
        )
    return axes


def _along(axis: str, choice: Choice, sizes: Mapping[str, int], context: Context) -> list[int]:
    """The indices along an axis; of tokens those that are in the sequence."""
    if axis in sizes:
        found: Tensor = indices(axis, choice, sizes[axis])
    else:
        found = context.kept[context.positions(axis, choice)]
    return cast("list[int]", torch.unique(found).tolist())


def _listed(site: str) -> str:
    return ", ".join(axes_at(site))


def _said(choice: Any) -> str:
    """A choice in few words."""
    if isinstance(choice, slice):
        return f"{choice.start or 0}:{'' if choice.stop is None else choice.stop}"
    listed: Any = choice.tolist() if hasattr(choice, "tolist") else choice
    several: list[Any] = (
        list(cast("Any", listed)) if isinstance(listed, (list, tuple, range)) else [listed]
    )
    some = ", ".join(map(str, several[:3]))
    return some if len(several) <= 3 else f"{some} ... ({len(several)})"
