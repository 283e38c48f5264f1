"""What one unit at a site inside a block adds to the stream, found by running the block's code."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.trace.base import BaseTrace
from vitlens_widgets.trace.parts import run_part

_LARGE = 1024.0  # so that an output bias takes few digits of a weight that is read beside it


class UnitWrites(NamedTuple):
    """`added = units @ weight + bias`, if `off` is no more than rounding."""

    weight: Tensor
    """Of each unit, `[unit, d]`, layer scale included."""
    bias: Tensor
    """`[d]`."""
    off: float
    """How far, relative to the largest entry, all units together are from the sum of each."""


@clean
@torch.no_grad()
def unit_writes(trace: BaseTrace, layer: int, site: str, added: str, units: Tensor) -> UnitWrites:
    """What each of some vectors at a site inside a block adds, by itself.

    Each stands in a token of its own, as many images as they need; one token has none, and so
    shows the bias, and one has all of them, less than nothing, so that it shows a norm between.

    Args:
        trace: Whose block.
        layer: The block.
        site: Such as `"z"` or `"mlp_post"`.
        added: What is made of it: `"attn_out"` or `"mlp_out"`.
        units: `[unit, ...]`, in the shape that the site has at a token.

    Raises:
        UsageError: A site that can only be read.
        UnsupportedModelError: A site that does not show.
    """
    n, n_tokens = len(units), trace.states.shape[2]
    n_rows = -(-(n + 2) // n_tokens)
    blank = trace.states[layer][:1].expand(n_rows, -1, -1)
    values = blank.new_zeros(n_rows * n_tokens, *units.shape[1:])
    values[:n] = units.to(values) * _LARGE
    values[n + 1] = -values[:n].sum(0)
    point = trace.vit.adapter.hook_points(layer)
    put = {site: values.view(n_rows, n_tokens, *units.shape[1:])}
    out = run_part(trace, layer, blank, {added: point[added]}, put)[added].flatten(0, 1)
    bias, moved = out[n], out - out[n]
    together = moved[:n].sum(0) + moved[n + 1]
    off = together.abs().max() / moved[: n + 2].abs().max().clamp(min=1e-30)
    return UnitWrites(moved[:n] / _LARGE, bias, float(off))
