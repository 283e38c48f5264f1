"""One block's handlers: edits made and values shown, site by site, in the order they occur."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial

from torch import Tensor

from vitlens_widgets.models.hook_points import AnyHookPoint
from vitlens_widgets.models.sites import HOOKED_SITES
from vitlens_widgets.trace.attention import READ_SITES, Claim, is_proved, known_again
from vitlens_widgets.trace.branches import Handler
from vitlens_widgets.trace.capture import handling
from vitlens_widgets.trace.context import Context
from vitlens_widgets.trace.edits import AnyPlacedEdit, DropTokens, PlacedEdit
from vitlens_widgets.trace.modules import refuse_missing, uncompiled
from vitlens_widgets.trace.sites import ATTENTION_SITES
from vitlens_widgets.trace.stream import Stream
from vitlens_widgets.trace.validate import check_some_key

Seen = Callable[[str, int, Tensor], Tensor | None]
"""Takes (site, layer, value) of a shown value; gives what the model goes on with, or None."""


class AllSeen(Exception):  # noqa: N818
    """Ends a run in which all that it was for is done."""


@dataclass(frozen=True)
class Plan:
    """What is done to a run.

    Args:
        context: The run.
        edits: The edits to make, in order, each with its place in the run.
        sites: Which sites of which layer are shown.
        see: Who is shown them; the scores and pattern of an edited attention are always shown.
        stream: Who follows the residual stream.
        proved: The layers whose attention was seen to be what it is read as.
        stops: Whether the run ends as soon as all that is to be done in it is done.
        arrived: Places in `edits` of those that the state which the run starts from has already
            undergone; places, since one and the same edit may be made twice.
        claims: Takes what has yet to be seen of the attention of a block that is not proved, to be
            settled by whoever goes on with its queries and keys; None where the run sees to it.
    """

    context: Context
    edits: Sequence[AnyPlacedEdit]
    sites: Mapping[int, Sequence[str]]
    see: Seen
    stream: Stream
    proved: set[int]
    stops: bool = False
    arrived: Collection[int] = ()
    claims: list[Claim] | None = None

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
def instrumented(plan: Plan) -> Generator[None]:
    """While this lasts, the blocks that the plan shows sites of run as planned.

    Raises:
        UnsupportedModelError: What ran is not what the plan is about.
    """
    vit = plan.context.vit
    points: dict[tuple[str, int], AnyHookPoint] = {}
    handlers: dict[tuple[str, int], Handler] = {}
    blocks = [_Block(plan, layer) for layer in plan.sites]
    for block in blocks:
        found = vit.adapter.hook_points(block.layer)
        for site, handler in block.handlers.items():
            points[site, block.layer] = found[site]
            handlers[site, block.layer] = handler
    with suppress(AllSeen), uncompiled(vit.model), handling(points, handlers, plan.stream):
        yield
    if not plan.stops:
        plan.stream.check_end()
    for block in blocks:
        block.check_end()


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
        busy = [*self.shown, *(site for site, edits in self.edits.items() if edits)]
        self.proves = layer not in plan.proved and any(site in READ_SITES for site in busy)
        self.known = known_again(plan.context.vit, layer) if self.proves else None
        if plan.stops and self.proves and self._is_proved():
            self.proves = False
        self.handlers = self._handlers(busy)
        self.waiting = set(self.handlers)

    def check_end(self) -> None:
        """Refuse a run in which a planned site did not show.

        Raises:
            UnsupportedModelError: So an edit had no chance to act, or something was not captured.
        """
        if self.waiting:
            site = min(self.waiting, key=list(self.handlers).index)
            refuse_missing(self.plan.context.vit, self.layer, site)

    def _is_proved(self) -> bool:
        words = self.plan.stream.words.get(self.layer)
        return is_proved(self.plan.context.vit, self.layer, self.known, words)

    def _handlers(self, busy: list[str]) -> dict[str, Handler]:
        """A handler for every site of this block where something is to be done.

        In the order of the forward pass: one module may show two sites, one after the other.
        """
        if self.drops:
            busy.append("resid_pre")
        if self.attends or self.proves:
            busy += ["q", "k", "v", "z"]
        if self.edits.get("resid_mid"):
            busy.append("resid_post")
        return {site: partial(self.handle, site) for site in HOOKED_SITES if site in busy}

    def handle(self, site: str, value: Tensor) -> Tensor | None:
        """Make the edits at one site and show it; None if the model keeps its own value."""
        if self.plan.stream.inside != self.layer:
            return None  # a module that several blocks share, in another one
        if site not in self.waiting:
            refuse_missing(self.plan.context.vit, self.layer, site, "ran more than once in it")
        self.waiting.discard(site)
        if site == "z" and (unseen := self.waiting & {"q", "k", "v"}):
            refuse_missing(self.plan.context.vit, self.layer, min(unseen))
        new = self._show(site, self._edit(site, self._arriving(site, value)))
        if (self.attends or self.proves) and site in ("q", "k", "v"):
            self.parts[site] = new
        if site == "resid_mid" and new is not value:
            # the block adds its MLP to the stream it had; what was changed is added at its end
            self.parts[site] = new - value
        if self.plan.stops and not self.waiting:
            raise AllSeen  # the rest of the block would be computed for nothing
        return None if new is value else new

    def _arriving(self, site: str, value: Tensor) -> Tensor:
        """The value as what was done earlier in the block leaves it."""
        if site == "resid_pre" and self.drops:
            return value[:, self.plan.context.kept]
        if site == "z" and self.proves:
            self._prove(value)
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

    def _prove(self, z: Tensor) -> None:
        """See `Claim`; nothing to do where it is known."""
        plan, layer, parts = self.plan, self.layer, self.parts
        if self._is_proved():
            plan.proved.add(layer)
            return
        words, vit = plan.stream.words.get(layer), plan.context.vit
        claim = Claim(vit, layer, parts["v"], z, self.known, words, plan.proved)
        if plan.claims is None:
            claim.check(parts["q"], parts["k"])
        else:
            plan.claims.append(claim.kept())

    def _attend(self) -> Tensor:
        """`z` from this block's queries, keys and values, with scores and pattern in the open."""
        q, k, v = (self.parts.pop(site) for site in ("q", "k", "v"))
        scores = self.plan.context.vit.adapter.exact_scores(self.layer, q, k)
        scores = self._show("attn_scores", self._edit("attn_scores", scores))
        check_some_key(scores, self.layer)
        pattern = self._show("pattern", self._edit("pattern", scores.softmax(-1)))
        return (pattern @ v.transpose(1, 2).to(pattern)).transpose(1, 2)
