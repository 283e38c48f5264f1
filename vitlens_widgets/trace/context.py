"""What edits are checked against before a model runs: model, layout, images, tokens left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from vitlens_widgets.errors import UsageError
from vitlens_widgets.models import BaseViT, TokenLayout
from vitlens_widgets.trace.capture import watching
from vitlens_widgets.trace.edits import DropTokens, Edit
from vitlens_widgets.trace.fit import check_blocks
from vitlens_widgets.trace.selection import Choice, tokens
from vitlens_widgets.trace.sites import ATTENTION_SITES

if TYPE_CHECKING:
    from vitlens_widgets.trace.trace import Trace


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

    @classmethod
    def of(
        cls, vit: BaseViT, layout: TokenLayout, n_images: int, edits: Sequence[Edit | DropTokens]
    ) -> Context:
        """The context of these edits, each of them checked.

        Raises:
            UsageError: An edit that does not fit.
        """
        context = cls(vit, layout, n_images, _kept_tokens(vit, layout, edits))
        at_sites = [edit for edit in edits if isinstance(edit, Edit)]
        for edit in at_sites:
            edit.check(context)
        check_blocks(at_sites, context)
        return context

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
            gone = chosen[found < 0].tolist()
            raise UsageError(f"Token {gone[0]} is dropped by another edit, so no edit can name it.")
        return found[found >= 0]

    def check_fits(self, edit: Edit, name: str, value: Tensor | float) -> None:
        """Refuse a tensor that does not broadcast to the region of an edit.

        Raises:
            UsageError: It does not fit, or is neither a number nor a tensor.
        """
        try:
            given = tuple(torch.as_tensor(value).shape)
        except (TypeError, ValueError, RuntimeError) as error:
            raise UsageError(
                f"{edit!r}: {name} must be a number or a tensor, not {type(value).__name__}."
            ) from error
        for layer in edit.layers(self):
            blank = torch.empty(self.shape(edit.site, layer), device="meta")
            expected = tuple(edit.region(self).read(blank).shape)
            try:
                fits = torch.broadcast_shapes(given, expected) == expected
            except RuntimeError:
                fits = False
            if not fits:
                raise UsageError(
                    f"{edit!r}: {name} has shape {list(given)} and does not fit the chosen part of "
                    f'"{edit.site}" in layer {layer}, {list(expected)}.'
                )

    def shape(self, site: str, layer: int) -> tuple[int, ...]:
        """The shape of a site in this run, found by running its block on zeros."""
        n_tokens = len(self.kept)
        if site in ATTENTION_SITES:
            return (self.n_images, self.vit.n_heads, n_tokens, n_tokens)
        found: list[tuple[int, ...]] = []
        point = self.vit.adapter.hook_points(layer)[site]
        with torch.no_grad(), watching({site: point}, lambda _, value: found.append(value.shape)):
            self.vit.adapter.run_block(layer, self.vit.adapter.blank_state(1))
        return (self.n_images, n_tokens, *found[0][2:])

    def check_same(self, other: Trace | Any) -> None:
        """Refuse a trace whose sites do not match this run's.

        Raises:
            UsageError: No trace, or one of another model, layout or number of images.
        """
        from vitlens_widgets.trace.trace import Trace

        if not isinstance(other, Trace):
            raise UsageError(f"by= takes a tensor or another trace, not {type(other).__name__}.")
        if other.vit is not self.vit:
            raise UsageError(
                f"by= is a trace of {other.vit.name}, another model than {self.vit.name} here; "
                "trace both with the same vl.load result."
            )
        here = (self.layout, self.n_images, self.kept.tolist())
        there = (other.layout, other.n_images, other.tokens.tolist())
        if here != there:
            raise UsageError(
                f"by= is a trace of {other.n_images} images with {len(other.tokens)} tokens "
                f"({other.layout}); this run has {self.n_images} images with {len(self.kept)} "
                f"tokens ({self.layout})."
            )


def _kept_tokens(vit: BaseViT, layout: TokenLayout, edits: Sequence[Edit | DropTokens]) -> Tensor:
    left = torch.ones(layout.n_tokens, dtype=torch.bool)
    for edit in edits:
        if isinstance(edit, DropTokens):
            left[tokens("token", edit.token, layout)] = False
        elif not isinstance(edit, Edit):
            raise UsageError(f"{edit!r} is no edit; vl.edits holds them: Zero, Scale, Add, ...")
    if left.all():
        return torch.arange(layout.n_tokens)
    if vit.adapter.positions_in_blocks:
        raise UsageError(
            f"{vit.name} gives its tokens their positions inside the blocks, so that tokens cannot "
            "be dropped; knock out the attention to them instead (vl.edits.KnockOut)."
        )
    if not left[: layout.n_prefix].all():
        raise UsageError("Prefix tokens cannot be dropped, only patches; zero them instead.")
    if not left[layout.patches].any():
        raise UsageError("At least one patch must be left in the sequence.")
    return torch.nonzero(left).flatten()
