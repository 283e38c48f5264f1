"""`BaseTrace`: what one forward pass over a batch of images left behind, to be read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.errors import UsageError
from vitlens_widgets.models import BaseViT, TokenLayout
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.models.live import Live, all_of
from vitlens_widgets.models.sites import DERIVED_SITES
from vitlens_widgets.trace.attention import Claim
from vitlens_widgets.trace.capture import kept_copy
from vitlens_widgets.trace.context import Context
from vitlens_widgets.trace.edits import AnyEdit, AnyPlacedEdit, PlacedEdit
from vitlens_widgets.trace.instrument import Plan, Seen, instrumented
from vitlens_widgets.trace.modules import SeenModules, check_modes
from vitlens_widgets.trace.outside import Outside
from vitlens_widgets.trace.record import Record
from vitlens_widgets.trace.repeats import Repeats
from vitlens_widgets.trace.sites import STATE_SITES, check_index, check_site
from vitlens_widgets.trace.steady import is_held
from vitlens_widgets.trace.stream import Stream
from vitlens_widgets.trace.weights import SeenWeights


class BaseTrace(Live):
    """One forward pass: every state, and every site of every block on demand.

    `trace["attn_out", 3]` gives a site of block 3; `vitlens_widgets.models.sites` lists the sites
    and their shapes. A site that was not kept is computed by running its block again on its
    state, which gives the same numbers and costs 1/L of a forward pass.

    Attributes:
        vit: The model.
        layout: The token layout at the traced image size.
        tokens: The tokens that were in the sequence, int64 `[position]`; all of the layout's,
            unless some were dropped (`vl.edits.DropTokens`).
        states: `[state, image, token, d]`; state k is the residual stream before block k, the last
            one after the last block.
        logits: The model's own answer, `[image, class]`; None without a classifier.
        edits: The edits that were made.
        kept: The sites that were kept, by `(site, layer)`.
        of_twins: What is kept for other classifiers of the same model; see `answered_by`.
    """

    kept_by = "keep its tensors, torch.save(trace.states, path), and trace again"

    def __init__(
        self,
        context: Context,
        record: Record,
        edits: Sequence[AnyPlacedEdit],
        logits: Tensor | None,
        make_pictures: Callable[[], np.ndarray],
        plan: Plan,
        weights: SeenWeights,
    ) -> None:
        self.vit: BaseViT = context.vit
        self.layout: TokenLayout = context.layout
        self.tokens: Tensor = context.kept
        self.states: Tensor = record.states
        self.logits = logits
        self.kept = record.kept
        self._make_pictures = make_pictures
        self._grad = record.grad
        self._context = context
        self._edits = tuple(edits)
        self._words = plan.stream.words
        self._proved = plan.proved
        self._repeats = Repeats.of(self.vit)
        self.of_twins: dict[tuple[str, int, int], Tensor] = {}
        weights.check_stayed()
        check_modes(self.vit)
        self._weights = weights
        self._modules = SeenModules(self.vit)
        self._outside: Outside  # once the answer is known to be the model's own

    @property
    def edits(self) -> tuple[AnyEdit, ...]:
        """The edits that were made."""
        return tuple(edit.edit if isinstance(edit, PlacedEdit) else edit for edit in self._edits)

    @property
    def pictures(self) -> np.ndarray:
        """The images as the model saw them, uint8 `[image, height, width, 3]`."""
        return self._make_pictures()

    @property
    def n_states(self) -> int:
        """L + 1."""
        return len(self.states)

    @property
    def n_images(self) -> int:
        """How many images were traced together."""
        return self.states.shape[1]

    @property
    def has_graph(self) -> bool:
        """Whether it was traced with `grad=True`."""
        return self._grad

    @property
    def nbytes(self) -> int:
        """Bytes of all that is kept."""
        return sum(tensor.nbytes for tensor in (self.states, *self.kept.values()))

    def __getitem__(self, key: tuple[str, int]) -> Tensor:
        """One site of one block, such as `trace["attn_out", 3]`.

        Raises:
            UsageError: An unknown site, a layer out of range, or a model that has changed since.
        """
        if not isinstance(key, tuple) or len(key) != 2:
            raise UsageError('A trace is read as trace[site, layer], such as trace["attn_out", 3].')
        site, layer = check_site(key[0]), check_index("layer", key[1], self.vit.n_layers)
        if (site, layer) in self.kept:
            return self.kept[site, layer]
        if site in STATE_SITES:
            return self._state(layer + STATE_SITES[site])
        if site in DERIVED_SITES:
            return self.attention(layer, kind="pattern" if site == "pattern" else "scores")
        return self.sites(layer, site)[0]

    def sites(self, layer: int, *sites: str) -> list[Tensor]:
        """Several sites of one block, at the cost of one run of the block where they were not kept.

        Only sites that show in the block: `trace[site, layer]` also gives the derived ones.

        Raises:
            UsageError: As `trace[site, layer]`.
        """
        return self._sites(layer, sites)

    def _sites(
        self, layer: int, sites: Sequence[str], claims: list[Claim] | None = None
    ) -> list[Tensor]:
        """As `sites`; claims as in a plan."""
        missing = [site for site in sites if (site, layer) not in self.kept]
        again = self._run_block(layer, missing, claims=claims) if missing else {}
        return [again[site] if site in again else self.kept[site, layer] for site in sites]

    def attention(
        self, layer: int, head: int | None = None, kind: Literal["pattern", "scores"] = "pattern"
    ) -> Tensor:
        """Who attends to whom in one block, computed from its queries and keys in float32 or finer.

        Args:
            layer: The block, 0 .. L-1.
            head: One head, or None for all.
            kind: `"pattern"`: weights whose rows sum to 1; `"scores"`: what the softmax is given.

        Returns:
            `[image, head, query, key]`, or `[image, query, key]` for one head.

        Raises:
            UsageError: A layer or head out of range, or an unknown kind.
        """
        site = self._attention_site(layer, kind)
        if head is not None:
            check_index("head", head, self.vit.n_heads)
        kept = self.kept.get((site, layer))
        every = self._attend(layer, kind, *self.sites(layer, "q", "k")) if kept is None else kept
        return every if head is None else every[:, head]

    def attention_by_image(
        self,
        layer: int,
        kind: Literal["pattern", "scores"] = "pattern",
        images: Iterable[int] | None = None,
    ) -> Iterator[Tensor]:
        """As `attention`, one image after the other, so that a batch takes the memory of one.

        Args:
            layer: The block, 0 .. L-1.
            kind: As for `attention`.
            images: Which images, in this order; None for all.

        Yields:
            `[head, query, key]`.

        Raises:
            UsageError: As `attention`, or there is no such image.
        """
        site = self._attention_site(layer, kind)
        chosen = range(self.n_images) if images is None else list(images)
        for image in chosen:
            check_index("image", image, self.n_images)
        if (site, layer) in self.kept:
            yield from (self.kept[site, layer][image] for image in chosen)
            return
        q, k = self.sites(layer, "q", "k")
        for image in chosen:
            one = slice(image, image + 1)
            yield self._attend(layer, kind, q[one], k[one])[0]

    def check_weights(self, what: str) -> None:
        """Refuse to compute with weights that are no longer those of this trace.

        Raises:
            UsageError: The weights, the modules or what hooks make of the last state are others.
        """
        if not is_held(self.vit.model):
            self._weights.check(what)
            self._modules.check(what)
            self._outside.check(self.vit, self.states[-1], what)

    def _shared(self) -> Iterable[object]:
        """The model; its weights are still watched."""
        if self._grad:
            raise UsageError(
                "A trace with grad=True cannot be copied: its graph is of one run; trace again."
            )
        return all_of(self.vit)

    def _state(self, k: int) -> Tensor:
        """State k; with gradients, the very tensor that the next block read."""
        return self.kept.get(("resid_pre", k), self.states[k])

    def _attention_site(self, layer: int, kind: str) -> str:
        """The site of this kind.

        Raises:
            UsageError: A layer out of range, an unknown kind, or a site off the path of gradients:
                made again from queries and keys it would have a gradient of nothing.
        """
        if kind not in ("pattern", "scores"):
            raise UsageError(f'kind must be "pattern" or "scores", not {kind!r}.')
        check_index("layer", layer, self.vit.n_layers)
        site = "pattern" if kind == "pattern" else "attn_scores"
        if (site, layer) not in self.kept:
            self._refuse_off_path(site)
        return site

    def _refuse_off_path(self, asked: str) -> None:
        if self._grad:
            raise UsageError(f"With grad=True, {asked} must be named in keep= to be on the path.")

    @clean
    def _attend(self, layer: int, kind: str, q: Tensor, k: Tensor) -> Tensor:
        """From queries and keys `[image, token, head, d_head]`."""
        with torch.no_grad():
            scores = self.vit.adapter.exact_scores(layer, q, k)
            return scores.softmax(-1) if kind == "pattern" else scores

    @clean
    def _run_block(
        self,
        layer: int,
        sites: Sequence[str],
        edits: Sequence[PlacedEdit] = (),
        claims: list[Claim] | None = None,
    ) -> dict[str, Tensor]:
        """Sites of one block, run again with further edits in it."""
        self._refuse_off_path(", ".join(sites))
        found: dict[str, Tensor] = {}

        def see(site: str, _layer: int, value: Tensor) -> None:
            found[site] = kept_copy(value)

        state = self.states[layer]
        plan = self._plan(layer, sites, see, state, after=edits, claims=claims)
        with torch.no_grad(), instrumented(plan):
            self.vit.adapter.run_block(layer, state)
        return found

    def _plan(
        self,
        layer: int,
        sites: Sequence[str],
        see: Seen,
        state: Tensor,
        *,
        before: Sequence[PlacedEdit] = (),
        after: Sequence[PlacedEdit] = (),
        claims: list[Claim] | None = None,
    ) -> Plan:
        """How one block is run again from its state, with edits before and after those made here.

        Raises:
            UsageError: The weights were changed in place, replaced or moved.
        """
        self.check_weights(f"asked for {', '.join(sites)}")
        self._check_repeats(layer)
        return Plan(
            self._context,
            (*before, *self._edits, *after),
            {layer: sites},
            see,
            Stream(self.vit, [layer], state, self._words),
            self._proved,
            stops=True,
            arrived=range(len(before), len(before) + len(self._edits)),
            claims=claims,
        )

    def _check_repeats(self, *layers: int) -> None:
        """Refuse blocks that do something else when run again; see `Repeats`."""
        self._repeats.check(self._context, self._edits, self.states, self._words, layers)

    def __repr__(self) -> str:
        images = f"{self.n_images} image{'s' if self.n_images != 1 else ''}"
        edited = f", edited by {', '.join(map(repr, self.edits))}" if self.edits else ""
        return (
            f"{type(self).__name__}({self.vit.name}: {images}, {self.n_states} states, "
            f"{self.layout}, {self.nbytes / 2**20:.1f} MiB{edited})"
        )
