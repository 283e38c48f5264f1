"""What heads and MLPs write to the residual stream in one run, component by component."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from vitlens_widgets.analysis.circuits.graph import Graph
from vitlens_widgets.errors import UnsupportedModelError, UsageError
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.models.hook_points import JoinedPoint
from vitlens_widgets.trace import Trace
from vitlens_widgets.trace.unit_writes import unit_writes

_TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-4}
_TOLERANCE_HALF = 5e-2


class Writing(NamedTuple):
    """How a block's heads write: `attn_out = sum over heads of z @ weight + bias`."""

    weight: Tensor
    """`[head, d_head, d]`, layer scale included."""
    bias: Tensor
    """`[d]`."""

    def heads(self, z: Tensor) -> Tensor:
        """What heads add, biases apart: `[row, token, head, d_head]` to `[row, head, token, d]`."""
        return torch.einsum("rthe,hed->rhtd", z, self.weight)


@dataclass(frozen=True)
class Written:
    """What was written in one run, by layer.

    Args:
        embedding: State 0, `[image, token, d]`.
        z: `[image, token, head, d_head]` of each block.
        attn_out: `[image, token, d]` of each block.
        mlp_out: The same; empty of blocks without an MLP.
    """

    embedding: Tensor
    z: Sequence[Tensor]
    attn_out: Sequence[Tensor]
    mlp_out: Sequence[Tensor]

    def zeros(self, writings: Sequence[Writing]) -> Written:
        """Nothing is written but the output biases of attention."""
        return Written(
            torch.zeros_like(self.embedding),
            [torch.zeros_like(z) for z in self.z],
            [
                writing.bias.expand_as(out)
                for writing, out in zip(writings, self.attn_out, strict=True)
            ],
            [torch.zeros_like(out) for out in self.mlp_out],
        )


def written(trace: Trace) -> Written:
    """What was written in a trace's run: one more forward pass, block by block."""
    has_mlp = Graph.of(trace.vit).has_mlp
    sites = ("z", "attn_out", *(("mlp_out",) if has_mlp else ()))
    by_block = [trace.sites(layer, *sites) for layer in range(trace.vit.n_layers)]
    z, attn_out, *mlp_out = map(list, zip(*by_block, strict=True))
    return Written(trace.states[0], z, attn_out, mlp_out[0] if mlp_out else [])


@clean
@torch.no_grad()
def mean_written(traces: Sequence[Trace]) -> Written:
    """The mean of what was written over the images of all traces, token by token, as one image.

    Raises:
        UsageError: Traces with other tokens than the first.
    """
    n_images = sum(trace.n_images for trace in traces)
    total: list[Tensor] = []
    for trace in traces:
        if trace.layout != traces[0].layout or not torch.equal(trace.tokens, traces[0].tokens):
            raise UsageError(
                'ablation="mean" is the mean over images, token by token, and the corrupted runs '
                f"have {len(traces[0].tokens)} and {len(trace.tokens)} tokens that are not the "
                "same; trace all images at one size, with the same tokens."
            )
        added = [one.sum(0, keepdim=True) / n_images for one in _flat(written(trace))]
        total = [a + b for a, b in zip(total, added, strict=True)] if total else added
    n_layers = traces[0].vit.n_layers
    embedding, values = total[0], total[1:]
    z, attn_out, mlp_out = (values[k * n_layers : (k + 1) * n_layers] for k in range(3))
    return Written(embedding, z, attn_out, mlp_out)


def _flat(done: Written) -> list[Tensor]:
    return [done.embedding, *done.z, *done.attn_out, *done.mlp_out]


def writings(trace: Trace, done: Written) -> list[Writing]:
    """How the heads of each block write, held against what the trace's run wrote.

    Raises:
        UnsupportedModelError: What attention adds is no sum over heads.
    """
    if isinstance(trace.vit.adapter.hook_points(0)["z"], JoinedPoint):
        raise UnsupportedModelError(
            f"{trace.vit.name} has no edges of heads: its blocks run several attentions side by "
            "side, whose heads cannot be exchanged one by one; patch attn_out instead, with "
            "vl.analysis.activation_patching."
        )
    return [
        _writing(trace, layer, z, attn_out)
        for layer, (z, attn_out) in enumerate(zip(done.z, done.attn_out, strict=True))
    ]


def _writing(trace: Trace, layer: int, z: Tensor, attn_out: Tensor) -> Writing:
    """Found by running the block's own code on one unit of one head's channel at a time."""
    n_heads, width = z.shape[2:]
    units = torch.eye(n_heads * width).view(-1, n_heads, width)
    weight, bias, _ = unit_writes(trace, layer, "z", "attn_out", units)
    found = Writing(weight.view(n_heads, width, -1), bias)
    _check_sum(trace, layer, found.heads(z).sum(1) + bias, attn_out)
    return found


def _check_sum(trace: Trace, layer: int, found: Tensor, expected: Tensor) -> None:
    off = ((found - expected).abs().max() / expected.abs().max().clamp(min=1e-30)).item()
    if not off <= _TOLERANCE.get(expected.dtype, _TOLERANCE_HALF):
        raise UnsupportedModelError(
            f"{trace.vit.name} has no edges of heads: what attention adds to the stream must be a "
            "sum over its heads, each a fixed matrix times its z, but a norm, a gate or another "
            f"step between makes block {layer} differ from that by {off:.2g} of its largest value; "
            "patch its sites instead, with vl.analysis.activation_patching."
        )
