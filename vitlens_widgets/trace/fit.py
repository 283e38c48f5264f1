"""What edits may ask of a model's blocks together, looked at before the model runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from vitlens_widgets.errors import UsageError
from vitlens_widgets.models.hook_points import GroupedPoint
from vitlens_widgets.trace.edits import Edit, KnockOut
from vitlens_widgets.trace.sites import ATTENTION_SITES

if TYPE_CHECKING:
    from vitlens_widgets.trace.context import Context


def check_blocks(edits: Sequence[Edit], context: Context) -> None:
    """Refuse what the blocks cannot take, though each edit fits for itself.

    Raises:
        UsageError: A site that can only be read, heads that share their keys and values and were
            given different ones, or queries left without any key.
        UnsupportedModelError: A site that the blocks do not have.
    """
    for layer in sorted({layer for edit in edits for layer in edit.layers(context)}):
        here = [edit for edit in edits if layer in edit.layers(context)]
        points = context.vit.adapter.hook_points(layer)
        for site in dict.fromkeys(edit.site for edit in here):
            for point in (points[shown] for shown in _written(site)):
                point.check_edits()
            if site not in ATTENTION_SITES and isinstance(points[site], GroupedPoint):
                _check_shared(points[site], site, layer, here, context)
        _check_keys_left(layer, here, context)


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


def _written(site: str) -> tuple[str, ...]:
    """The hooked sites in which an edit of this site is carried out."""
    if site in ATTENTION_SITES:
        return ("z",)
    return (site, "resid_post") if site == "resid_mid" else (site,)


def _check_shared(
    point: GroupedPoint, site: str, layer: int, edits: Sequence[Edit], context: Context
) -> None:
    n_images, n_tokens, n_heads, width = context.shape(site, layer)
    sizes = (n_images, n_tokens, n_heads // point.group, width)
    shared = torch.linspace(1, 2, math.prod(sizes)).view(sizes)  # no two alike
    value = shared.repeat_interleave(point.group, dim=2).to(next(context.vit.model.parameters()))
    for edit in edits:
        if edit.site == site:
            value = edit.apply(value, layer, context)
    point.check_shared(value)


def _check_keys_left(layer: int, edits: Sequence[Edit], context: Context) -> None:
    knock_outs = [e for e in edits if isinstance(e, KnockOut) and e.when == "scores"]
    if len(knock_outs) < 2:  # one alone was looked at by itself
        return
    scores = torch.zeros(1, *context.shape("attn_scores", layer)[1:])  # alike in every image
    for edit in knock_outs:
        scores = edit.apply(scores, layer, context)
    check_some_key(scores, layer)
