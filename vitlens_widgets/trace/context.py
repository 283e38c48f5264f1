"""`Context`: the run that edits will be part of, and where things stand in it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from vitlens_widgets.errors import UsageError
from vitlens_widgets.models import BaseViT, TokenLayout
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.trace.capture import watching
from vitlens_widgets.trace.modules import refuse_missing, uncompiled
from vitlens_widgets.trace.selection import Choice, tokens
from vitlens_widgets.trace.sites import ATTENTION_SITES


@dataclass(frozen=True)
class Context:
    """The run that edits will be part of.

    Args:
        vit: The model.
        layout: The layout of the whole sequence.
        n_images: How many images run together.
        kept: The tokens left in the sequence, int64 `[position]`, as indices of the layout.
    """

    vit: BaseViT
    layout: TokenLayout
    n_images: int
    kept: Tensor

    def positions(self, axis: str, choice: Choice) -> Tensor:
        """Positions in the sequence of the chosen tokens; a dropped token can only be left out.

        Raises:
            UsageError: A token out of range, or one that is named and was dropped.
        """
        chosen = tokens(axis, choice, self.layout)
        where = torch.full((self.layout.n_tokens,), -1)
        where[self.kept] = torch.arange(len(self.kept))
        found = where[chosen]
        if choice is not None and (found < 0).any():
            gone = int(chosen[found < 0][0])
            raise UsageError(f"Token {gone} is dropped by another edit, so no edit can name it.")
        return found[found >= 0]

    @clean
    def shape(self, site: str, layer: int) -> tuple[int, ...]:
        """The shape of a site in this run, found by running its block on zeros.

        Raises:
            UnsupportedModelError: The block does not show the site.
        """
        n_tokens = len(self.kept)
        if site in ATTENTION_SITES:
            return (self.n_images, self.vit.n_heads, n_tokens, n_tokens)
        found: list[tuple[int, ...]] = []
        point = self.vit.adapter.hook_points(layer)[site]
        see = watching({site: point}, lambda _, value: found.append(value.shape))
        with torch.no_grad(), uncompiled(self.vit.model), see:
            self.vit.adapter.run_block(layer, self.vit.adapter.blank_state(1))
        if not found:
            refuse_missing(self.vit, layer, site)
        return (self.n_images, n_tokens, *found[0][2:])
