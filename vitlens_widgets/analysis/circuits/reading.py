"""What readers make of inputs of their own: queries, keys, values, MLPs and the answer."""

from __future__ import annotations

from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from vitlens_widgets.analysis.circuits.graph import QKV
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.models.hook_points import HookPoint, HookPoints
from vitlens_widgets.trace import Trace
from vitlens_widgets.trace.modules import is_untouched
from vitlens_widgets.trace.parts import run_part

_TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-5}


class _Projections(NamedTuple):
    """Linear layers that make queries, keys and values of one normed input."""

    weights: Tensor
    """`[q k v, head, d, d_head]`."""
    biases: Tensor
    """`[q k v, 1, head, d_head]`."""
    point: HookPoint
    """Shows the normed input."""


class BlockReaders:
    """How one block of a trace's model reads, each reader an input of its own.

    Queries, keys and values of a head are what the block's own code makes of the head's input.
    Where they are linear layers of one normed input, that norm is run for each reader and the
    projection's columns are multiplied for each head with its own, at the cost of one projection;
    else the block is run up to them on every reader's input, and each head's part is taken.

    Args:
        trace: A trace of the model, to hold the projections against.
        layer: The block.
    """

    def __init__(self, trace: Trace, layer: int) -> None:
        self._trace = trace
        self._layer = layer
        self._points = trace.vit.adapter.hook_points(layer)
        linear = _projections(self._points)
        untouched = is_untouched(trace.vit.adapter.blocks[layer])
        self._linear = linear if untouched and linear and self._holds(linear) else None

    def qkv(self, inputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Of inputs `[row, q k v, head, token, d]`: thrice `[row, token, head, d_head]`."""
        if self._linear is not None:
            return self._projected(self._linear, inputs)
        q, k, v = (self._by_running(site, inputs[:, i]) for i, site in enumerate(QKV))
        return q, k, v

    def mlp(self, inputs: Tensor) -> Tensor:
        """What the MLP adds for its inputs `[row, token, d]`: the same shape."""
        put = {"resid_mid": inputs} if "resid_mid" in self._points else {}
        show = {"mlp_out": self._points["mlp_out"]}
        return run_part(self._trace, self._layer, inputs, show, put)["mlp_out"]

    def _projected(self, linear: _Projections, inputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        show = {"q": linear.point}
        normed = run_part(self._trace, self._layer, inputs.flatten(0, 2), show)["q"]
        normed = normed.view(*inputs.shape[:4], -1)
        found = torch.einsum("rshtd,shde->rsthe", normed, linear.weights) + linear.biases
        q, k, v = found.unbind(1)
        return q, k, v

    def _by_running(self, site: str, inputs: Tensor) -> Tensor:
        """One site of inputs `[row, head, token, d]`."""
        show = {site: self._points[site]}
        every = run_part(self._trace, self._layer, inputs.flatten(0, 1), show)[site]
        by_input = every.view(*inputs.shape[:2], *every.shape[1:])  # [row, head, token, head, d]
        return by_input.diagonal(dim1=1, dim2=3).movedim(-1, 2)

    @clean
    @torch.no_grad()
    def _holds(self, linear: _Projections) -> bool:
        """Whether the linear layers give the trace's own queries, keys and values."""
        state = self._trace.states[self._layer][:1]
        n_heads = linear.weights.shape[1]
        found = self._projected(linear, state[:, None, None].expand(-1, 3, n_heads, -1, -1))
        own = [site[:1] for site in self._trace.sites(self._layer, *QKV)]
        tolerance = _TOLERANCE.get(state.dtype, 1e-2)
        return all(
            bool((a - b).abs().max() <= tolerance * b.abs().max())
            for a, b in zip(found, own, strict=True)
        )


def _projections(points: HookPoints) -> _Projections | None:
    """The linear layers, if queries, keys and values are just what such layers give."""
    found = [points[site] for site in QKV]
    for point in found:
        linear = type(getattr(point, "module", None)) is nn.Linear
        if not (isinstance(point, HookPoint) and linear and point.side == "output"):
            return None
    every = cast("list[HookPoint]", found)
    weights = [_by_head(point, cast("Tensor", point.module.weight).T)[0] for point in every]
    biases = [_by_head(point, _bias(point.module)[None]) for point in every]
    point = HookPoint(every[0].module, "input")
    return _Projections(
        torch.stack(weights).transpose(1, 2), torch.stack([one[0] for one in biases]), point
    )


def _by_head(point: HookPoint, columns: Tensor) -> Tensor:
    """Of a linear layer's columns `[row, out]`, those of a site: `[1, row, head, d_head]`."""
    return point.read(columns.detach()[None])


def _bias(module: nn.Module) -> Tensor:
    linear = cast("nn.Linear", module)
    bias = cast("Tensor | None", linear.bias)
    return linear.weight.new_zeros(linear.out_features) if bias is None else bias
