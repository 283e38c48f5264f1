"""One block's handlers: edits made and values shown, site by site, in the order they occur."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from torch import Tensor

from vitlens_widgets.trace.branches import Handler
from vitlens_widgets.trace.capture import handling
from vitlens_widgets.trace.context import Context
from vitlens_widgets.trace.edits import AnyPlacedEdit, DropTokens, PlacedEdit
from vitlens_widgets.trace.sites import ATTENTION_SITES
from vitlens_widgets.trace.validate import check_some_key

Seen = Callable[[str, int, Tensor], Tensor | None]
"""Takes (site, layer, value) of a shown value; gives what the model goes on with, or None."""


class AllSeen(Exception):  # noqa: N818
    """Ends the run of a block that has shown all it was run for."""


@dataclass(frozen=True)
class Plan:
    """What is done to a run.

    Args:
        context: The run.
        edits: The edits to make, in order, each with its place in the run.
        sites: Which sites of which layer are shown.
        see: Who is shown them; the scores and pattern of an edited attention are always shown.
        arrived: Places in `edits` of those that the state which the run starts from has already
            undergone; places, since one and the same edit may be made twice.
    """

    context: Context
    edits: Sequence[AnyPlacedEdit]
    sites: Mapping[int, Sequence[str]]
    see: Seen
    arrived: Collection[int] = ()

    @property
    def drops(self) -> bool:
        """Whether tokens have yet to be dropped."""
        return any(
            isinstance(edit, DropTokens) and i not in self.arrived
            for i, edit in enumerate(self.edits)
        )

    def edits_at(self, site: str, layer: int) -> list[PlacedEdit]:
        """The edits to make at one site of one layer, in the order given."""
        done = self.arrived if site == "resid_pre" and layer == min(self.sites) else ()
        return [
            placed
            for i, placed in enumerate(self.edits)
            if isinstance(placed, PlacedEdit)
            and placed.edit.site == site
            and layer in placed.layers
            and i not in done
        ]


@contextmanager
def instrumented(plan: Plan) -> Iterator[None]:
    """While this lasts, the blocks that the plan shows sites of run as planned."""
    points, handlers = {}, {}
    for layer in plan.sites:
        found = plan.context.vit.adapter.hook_points(layer)
        for site, handler in _Block(plan, layer).handlers().items():
            points[site, layer] = found[site]
            handlers[site, layer] = handler
    with handling(points, handlers):
        yield


class _Block:
    """The handlers of one block, and the values they hand to one another."""

    def __init__(self, plan: Plan, layer: int) -> None:
        self.plan = plan
        self.layer = layer
        sites = [placed.edit.site for placed in plan.edits if isinstance(placed, PlacedEdit)]
        self.edits = {site: plan.edits_at(site, layer) for site in dict.fromkeys(sites)}
        self.shown = plan.sites[layer]
        self.drops = plan.drops and layer == 0
        self.attends = any(site in self.shown or self.edits.get(site) for site in ATTENTION_SITES)
        self.parts: dict[str, Tensor] = {}

    def handlers(self) -> dict[str, Handler]:
        """A handler for every site of this block where something is to be done."""
        busy = [*self.shown, *(site for site, edits in self.edits.items() if edits)]
        if self.drops:
            busy.append("resid_pre")
        if self.attends:
            busy += ["q", "k", "v", "z"]
        if self.edits.get("resid_mid"):
            busy.append("resid_post")
        hooked = (site for site in dict.fromkeys(busy) if site not in ATTENTION_SITES)
        return {site: partial(self.handle, site) for site in hooked}

    def handle(self, site: str, value: Tensor) -> Tensor | None:
        """Make the edits at one site and show it; None if the model keeps its own value."""
        new = self._show(site, self._edit(site, self._arriving(site, value)))
        if self.attends and site in ("q", "k", "v"):
            self.parts[site] = new
        if site == "resid_mid" and new is not value:
            # the block adds its MLP to the stream it had; what was changed is added at its end
            self.parts[site] = new - value
        return None if new is value else new

    def _arriving(self, site: str, value: Tensor) -> Tensor:
        """The value as what was done earlier in the block leaves it."""
        if site == "resid_pre" and self.drops:
            return value[:, self.plan.context.kept]
        if site == "z" and self.attends:
            return self._attend().to(value)
        if site == "resid_post" and "resid_mid" in self.parts:
            return value + self.parts.pop("resid_mid")
        return value

    def _edit(self, site: str, value: Tensor) -> Tensor:
        for placed in self.edits.get(site, ()):
            value = placed.apply(value, self.layer)
        return value

    def _show(self, site: str, value: Tensor) -> Tensor:
        if site not in self.shown and not (self.attends and site in ATTENTION_SITES):
            return value
        went_on = self.plan.see(site, self.layer, value)
        return value if went_on is None else went_on

    def _attend(self) -> Tensor:
        """`z` from this block's queries, keys and values, with scores and pattern in the open."""
        q, k, v = (self.parts.pop(site) for site in ("q", "k", "v"))
        scores = self.plan.context.vit.adapter.exact_scores(self.layer, q, k)
        scores = self._show("attn_scores", self._edit("attn_scores", scores))
        check_some_key(scores, self.layer)
        pattern = self._show("pattern", self._edit("pattern", scores.softmax(-1)))
        return (pattern @ v.transpose(1, 2).to(pattern)).transpose(1, 2)
