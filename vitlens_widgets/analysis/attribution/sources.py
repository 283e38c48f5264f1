"""What a head adds, split over the keys that it read: which token's value carried it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import torch
from torch import Tensor

from vitlens_widgets.errors import UsageError
from vitlens_widgets.trace import Trace
from vitlens_widgets.trace.again import attention_rows, is_edited
from vitlens_widgets.trace.chunks import slices
from vitlens_widgets.trace.frozen_branch import Branch


def read_keys(trace: Trace, layer: int, read: Tensor, attention: Branch) -> Tensor:
    """`sum over queries of pattern(query, key) * gradient(query) . v(key)`, for every head and key.

    Some queries at a time, so that the memory beside the answer is that of a few rows of attention.

    Args:
        trace: The run.
        layer: The block.
        read: The positions that the readout reads, int64 `[read]`: the queries.
        attention: What the block's attention adds, with its sites q, k and v.

    Returns:
        `[asked, image, head, key]`; over keys it sums to what the head adds.

    Raises:
        UsageError: The run's edits changed `z`, so that keys do not make up what was added.
    """
    if is_edited(trace, layer, "z"):
        raise UsageError(
            f"An edit changed z in block {layer}, so that what its heads add does not come from "
            "the tokens that they read; ask without sources=True, or of a run without that edit."
        )
    q, k, v = (attention.sites[site].detach() for site in ("q", "k", "v"))
    values, gradient = v.double(), attention.gradient.float()
    shape = (len(gradient), trace.n_images, trace.vit.n_heads, values.shape[1])
    found = torch.zeros(shape, dtype=torch.float64, device=values.device)
    for image in range(trace.n_images):
        rows = attention_rows(trace, layer, image, of=(q, k))
        pulled = gradient.new_zeros(*shape[:1], *shape[2:], values.shape[-1])
        for start, queries in _runs(read, trace.vit.n_heads * values.shape[1] * 4):
            pattern = rows.of(queries).pattern.float()  # [head, query, key]
            along = gradient[:, image, start : start + pattern.shape[1]]
            pulled += torch.einsum("hqk,cqhd->chkd", pattern, along)
        found[:, image] = torch.einsum("chkd,khd->chk", pulled.double(), values[image])
    return found


def _runs(read: Tensor, bytes_of_one: int) -> Iterator[tuple[int, slice]]:
    """Positions that follow one another, some at a time, with the place of the first."""
    places = cast("list[int]", read.tolist())
    start = 0
    while start < len(places):
        stop = start + 1
        while stop < len(places) and places[stop] == places[stop - 1] + 1:
            stop += 1
        for some in slices(stop - start, bytes_of_one):
            first, n = start + int(some.start), int(some.stop) - int(some.start)
            yield first, slice(places[first], places[first] + n)
        start = stop
