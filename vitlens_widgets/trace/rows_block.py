"""One block on a batch of rows, in each of which other values are put in at places of its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from vitlens_widgets.errors import UnsupportedModelError
from vitlens_widgets.models import BaseViT
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.models.hook_points import AnyHookPoint, HookPoint, JoinedPoint
from vitlens_widgets.trace.branches import Handler
from vitlens_widgets.trace.capture import handling
from vitlens_widgets.trace.modules import refuse_missing
from vitlens_widgets.trace.region import Region
from vitlens_widgets.trace.stream import Stream, Words

LATE_SITES = ("pattern", "z", "attn_out", "resid_mid", "mlp_pre", "mlp_post", "mlp_out")
"""Sites that stand after what is most costly of a block's attention, in the order they occur."""

PUT_SITES = ("resid_pre", "q", "k", "v", *LATE_SITES)
"""Sites where values can be put in."""


@dataclass(frozen=True, eq=False)
class Put:
    """Values that stand at a place of a run instead of its own.

    Args:
        site: One of `PUT_SITES`.
        layer: The block; of `resid_pre` the number of the state, so that L is the final one.
        region: Where in the site's tensor, after its image axis; the last axis may be chosen, too.
        values: `[chosen...]`, or `[chosen..., d]` where the last axis is not chosen.
    """

    site: str
    layer: int
    region: Region
    values: Tensor

    def write(self, value: Tensor, row: int) -> None:
        """Put the values into one row of the site's tensor `[row, ...]`, in place."""
        value[(row, *self.region.mesh)] = self.values.to(value)

    def among(self, tokens: Tensor) -> Put:
        """The same where only some tokens are left in the sequence, in this order."""
        places = self.region.chosen[0]
        there = torch.isin(places, tokens)
        now = torch.searchsorted(tokens, places[there])
        return Put(
            self.site, self.layer, Region((now, *self.region.chosen[1:])), self.values[there]
        )


RowPuts = Sequence[tuple[int, Put]]
"""Rows of a batch, and what is put into each of them."""


class RowsBlock:
    """One block, run once on a batch.

    Args:
        vit: The model.
        layer: The block.
        n_rows: How many rows the batch has.
        puts: What is put into which row; at `resid_pre` it is already in the state.
        read: The tokens whose next state is asked for, sorted int64 `[position]`; the others are
            left out from where they can no longer reach these. None for all.
    """

    def __init__(
        self,
        vit: BaseViT,
        layer: int,
        n_rows: int,
        puts: RowPuts,
        read: Tensor | None = None,
    ) -> None:
        self._vit, self._layer, self._n_rows, self._read = vit, layer, n_rows, read
        self._puts: dict[str, list[tuple[int, Put]]] = defaultdict(list)
        for row, put in puts:
            self._puts[put.site].append((row, put))
        self._in_the_open = sorted({row for row, _ in self._puts.get("pattern", ())})
        self._parts: dict[str, Tensor] = {}
        self._n_tokens, self._shares = 0, False
        self._points = vit.adapter.hook_points(layer)
        self._waiting = self._sites()

    @clean
    @torch.no_grad()
    def run(self, state: Tensor, words: Mapping[int, Words]) -> Tensor:
        """The next state, `[row, token, d]`; of tokens that are not read, any numbers.

        Args:
            state: `[row, token, d]`, or of one row that all of them share up to the first site
                where something is put in.
            words: What the block is handed beside.

        Raises:
            UnsupportedModelError: A site did not show once.
            UsageError: A site that can only be read, or different values for heads that share one.
        """
        self._n_tokens, self._shares = state.shape[1], len(state) != self._n_rows
        handlers = {site: self._handled(site) for site in self._waiting}
        points = {site: point for site, (point, _) in handlers.items()}
        stream = Stream(self._vit, [self._layer], state, words)
        with handling(points, {site: one for site, (_, one) in handlers.items()}, stream):
            out = self._vit.adapter.run_block(self._layer, state)
        stream.check_end()
        if self._waiting:
            refuse_missing(self._vit, self._layer, min(self._waiting))
        return out

    def _sites(self) -> set[str]:
        """The sites at which something is done."""
        sites = {site for site in self._puts if site not in ("pattern", "resid_pre")}
        if "resid_mid" in sites:
            sites.add("resid_post")
        if self._in_the_open:
            sites.add("z")
        for site in sites:
            self._points[site].check_edits()
        if self._in_the_open:
            sites |= {"q", "k", "v"}
        if self._read is not None:
            sites |= {"z", "resid_mid"} & self._points.keys()
        return sites

    def _handled(self, site: str) -> tuple[AnyHookPoint, Handler]:
        """What the module shows, whole, and what is done to it."""
        point = self._points[site]
        if isinstance(point, JoinedPoint):
            return point, partial(self._on_site, site)
        return HookPoint(point.module, point.side), partial(self._on_module, site, point)

    def _on_module(self, site: str, point: HookPoint, raw: Tensor) -> Tensor | None:
        """What the module goes on with: a row for each of the batch, and the tokens that count."""
        every = self._every_row(raw) if site in LATE_SITES else raw
        value = point.read(every)
        new = self._on_site(site, value)
        out = every if new is value else point.write(every, new)
        if self._read is not None and site in ("z", "resid_mid"):
            out = out[:, self._read] if out.shape[1] == self._n_tokens else out
        return None if out is raw else out

    def _every_row(self, raw: Tensor) -> Tensor:
        """A tensor of one row, as that of all rows."""
        if not self._shares or len(raw) == self._n_rows:
            return raw
        if len(raw) != 1:
            raise UnsupportedModelError(f"Block {self._layer} shows rows of another axis.")
        return raw.expand(self._n_rows, *raw.shape[1:])

    def _on_site(self, site: str, value: Tensor) -> Tensor:
        """The site's value with all that is put into it."""
        if site not in self._waiting:
            refuse_missing(self._vit, self._layer, site, "ran more than once in it")
        self._waiting.discard(site)
        if site == "resid_post":
            return value + self._parts.pop("resid_mid")
        new = value.clone() if site in self._puts or (site == "z" and self._in_the_open) else value
        if site == "z" and self._in_the_open:
            new[self._in_the_open] = self._attend().to(new)
        for row, put in self._puts.get(site, ()):
            self._there(put, new).write(new, row)
        if site == "resid_mid" and site in self._puts:
            # the block adds its MLP to the stream it had; what was changed is added at its end
            self._parts[site] = new - value
        elif self._in_the_open and site in ("q", "k", "v"):
            self._parts[site] = new
        return new

    def _there(self, put: Put, value: Tensor) -> Put:
        """What is put into a value of which tokens may have been left out."""
        cut = self._read is not None and value.shape[1] != self._n_tokens
        return put.among(self._read) if cut and self._read is not None else put

    def _attend(self) -> Tensor:
        """`z` of the rows into whose pattern something is put, `[row, token, head, d_head]`."""
        rows = self._in_the_open
        parts = (self._parts.pop(site) for site in ("q", "k", "v"))
        q, k, v = (part if len(part) == 1 else part[rows] for part in parts)
        pattern = self._vit.adapter.exact_scores(self._layer, q, k).softmax(-1)
        pattern = pattern.expand(len(rows), *pattern.shape[1:]).contiguous()
        for row, put in self._puts["pattern"]:
            put.write(pattern, rows.index(row))
        return (pattern @ v.transpose(1, 2).to(pattern)).transpose(1, 2)
