"""`validate`: all that edits are checked for, before the model runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor

from vitlens_widgets.errors import UsageError, counted
from vitlens_widgets.models import BaseViT, TokenLayout
from vitlens_widgets.models.hook_points import GroupedPoint
from vitlens_widgets.trace.context import Context
from vitlens_widgets.trace.edit import Edit, TracedSites
from vitlens_widgets.trace.edits import (
    AnyEdit,
    AnyPlacedEdit,
    DropTokens,
    KnockOut,
    PlacedEdit,
    Replace,
)
from vitlens_widgets.trace.region import region_of
from vitlens_widgets.trace.selection import indices, tokens
from vitlens_widgets.trace.sites import ATTENTION_SITES, check_site


def validate(
    edits: Sequence[AnyEdit], vit: BaseViT, layout: TokenLayout, n_images: int
) -> tuple[Context, list[AnyPlacedEdit]]:
    """The run that these edits will be part of, and each edit with its place in it.

    Args:
        edits: The edits, in the order in which they are made.
        vit: The model.
        layout: The layout of the whole sequence.
        n_images: How many images run together.

    Raises:
        UsageError: What is no edit, or does not fit this model, these images or the other edits.
        UnsupportedModelError: A site that the blocks do not have.
    """
    context = Context(vit, layout, n_images, _kept_tokens(vit, layout, edits))
    placed = [_checked(edit, context) if isinstance(edit, Edit) else edit for edit in edits]
    _check_blocks([edit for edit in placed if isinstance(edit, PlacedEdit)], context)
    return context, placed


def place(edit: Edit, context: Context) -> PlacedEdit:
    """The edit with its place.

    Raises:
        UsageError: A layer out of range, or a choice that its site does not have.
    """
    layers = tuple(map(int, indices("layer", edit.layer, context.vit.n_layers)))
    choices = edit.choices_in(context)
    return PlacedEdit(edit, layers, region_of(edit.site, choices, context, repr(edit)))


def check_some_key(scores: Tensor, layer: int) -> None:
    """Refuse scores `[..., query, key]` in which some query may attend to nothing.

    Raises:
        UsageError: A row is minus infinity throughout.
    """
    if (scores == -torch.inf).all(-1).any():
        raise UsageError(
            f"The edits of layer {layer} leave a query no key to attend to; knock out fewer keys, "
            'or use when="pattern".'
        )


def _kept_tokens(vit: BaseViT, layout: TokenLayout, edits: Sequence[AnyEdit]) -> Tensor:
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


def _checked(edit: Edit, context: Context) -> PlacedEdit:
    """The edit with its place, checked by itself."""
    check_site(edit.site)
    placed = place(edit, context)
    for name, operand in edit.operands.items():
        _check_fits(placed, name, operand, context)
    if isinstance(edit, Replace) and edit.takes_sites:
        check_same(edit.by, context)
    every_key = len(placed.region.chosen[-1]) == len(context.kept)
    if isinstance(edit, KnockOut) and edit.when == "scores" and every_key:
        raise UsageError(
            f"{edit!r} leaves its queries no key to attend to; knock out fewer keys, or use "
            'when="pattern".'
        )
    return placed


def _check_fits(placed: PlacedEdit, name: str, value: object, context: Context) -> None:
    """Refuse what does not broadcast to the region of an edit, or is no number and no tensor."""
    edit = placed.edit
    try:
        given = tuple(torch.as_tensor(value).shape)
    except (TypeError, ValueError, RuntimeError) as error:
        raise UsageError(
            f"{edit!r}: {name} must be a number or a tensor, not {type(value).__name__}."
        ) from error
    for layer in placed.layers:
        blank = torch.empty(context.shape(edit.site, layer), device="meta")
        expected = edit.operand_shape(tuple(placed.region.read(blank).shape))
        try:
            fits = cast("torch.Size", torch.broadcast_shapes(given, expected)) == expected
        except RuntimeError:
            fits = False
        if not fits:
            raise UsageError(
                f"{edit!r}: {name} has shape {list(given)} and does not fit the chosen part of "
                f'"{edit.site}" in layer {layer}, {list(expected)}.'
            )


def check_same(other: object, context: Context, what: str = "by=") -> None:
    """Refuse what is no trace, or one of another model, layout or number of images.

    Args:
        other: What values are taken of.
        context: The run that they are put into.
        what: What `other` was given as, to begin the sentence.

    Raises:
        UsageError: It does not fit.
    """
    if not isinstance(other, TracedSites):
        raise UsageError(f"{what} takes a tensor or another trace, not {type(other).__name__}.")
    if other.vit is not context.vit:
        raise UsageError(f"{what} is a trace of {apart(other.vit, context.vit)}")
    here = (context.layout, context.n_images, cast("list[int]", context.kept.tolist()))
    there = (other.layout, other.n_images, cast("list[int]", other.tokens.tolist()))
    if here != there:
        raise UsageError(
            f"{what} is a trace of {counted(other.n_images, 'image')} with "
            f"{counted(len(other.tokens), 'token')} ({other.layout}); this run has "
            f"{counted(context.n_images, 'image')} with {counted(len(context.kept), 'token')} "
            f"({context.layout})."
        )


def apart(other: BaseViT, own: BaseViT) -> str:
    """How a trace's model is not the one that is meant, and what to do: the end of a sentence."""
    if other.model is own.model and other.image_size == own.image_size:
        return (
            f"{own.name}, too, but loaded again or with another classifier; have both answered by "
            "one, trace.answered_by(vit)."
        )
    which = "too, but loaded apart" if other.name == own.name else f"another model than {own.name}"
    return f"{other.name}, {which}; trace both with the same vl.load result."


def _check_blocks(edits: Sequence[PlacedEdit], context: Context) -> None:
    """Refuse what the blocks cannot take, though each edit fits for itself.

    That is a site that can only be read, heads that share their keys and values and were given
    different ones, or queries left without any key.
    """
    for layer in sorted({layer for edit in edits for layer in edit.layers}):
        here = [edit for edit in edits if layer in edit.layers]
        points = context.vit.adapter.hook_points(layer)
        for site in dict.fromkeys(placed.edit.site for placed in here):
            for point in (points[shown] for shown in _written(site)):
                point.check_edits()
            own = None if site in ATTENTION_SITES else points[site]
            if isinstance(own, GroupedPoint):
                at_site = [placed for placed in here if placed.edit.site == site]
                _check_shared(own, site, layer, at_site, context)
        _check_keys_left(layer, here, context)


def _written(site: str) -> tuple[str, ...]:
    """The hooked sites in which an edit of this site is carried out."""
    if site in ATTENTION_SITES:
        return ("z",)
    return (site, "resid_post") if site == "resid_mid" else (site,)


def _check_shared(
    point: GroupedPoint, site: str, layer: int, edits: Sequence[PlacedEdit], context: Context
) -> None:
    n_images, n_tokens, n_heads, width = context.shape(site, layer)
    sizes = (n_images, n_tokens, n_heads // point.group, width)
    shared = torch.linspace(1, 2, math.prod(sizes)).view(sizes)  # no two alike
    value = shared.repeat_interleave(point.group, dim=2).to(next(context.vit.model.parameters()))
    for placed in edits:
        value = placed.apply(value, layer)
    point.check_shared(value)


def _check_keys_left(layer: int, edits: Sequence[PlacedEdit], context: Context) -> None:
    knock_outs = [
        placed
        for placed in edits
        if isinstance(placed.edit, KnockOut) and placed.edit.when == "scores"
    ]
    if len(knock_outs) < 2:  # one alone was looked at by itself
        return
    scores = torch.zeros(1, *context.shape("attn_scores", layer)[1:])  # alike in every image
    for placed in knock_outs:
        scores = placed.apply(scores, layer)
    check_some_key(scores, layer)
