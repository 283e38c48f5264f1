"""`HeadOutputs`: what each head of a block adds to the residual stream."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

from vitlens_widgets.errors import UsageError
from vitlens_widgets.trace import Trace
from vitlens_widgets.trace.again import site_if
from vitlens_widgets.trace.edits import Replace, Zero
from vitlens_widgets.trace.sites import check_index

# How exactly head parts must add up, relative to the largest entry: rounding passes, also that of
# bfloat16; a norm over the heads does not.
_ADDITIVE = 2e-2


class HeadOutputs:
    """What the heads of one block add to the residual stream, one head at a time: `z_h W_O^h`.

    Found by running the block's projection with one head's `z` alone and with none, so that gates
    and layer scales are in it and the projection's bias is not. The heads of a block and that bias
    together are `attn_out`. What all heads are measured by is found once. Source: Elhage et al.
    (2021), "A mathematical framework for transformer circuits", section on attention heads as
    independent and additive.

    Args:
        trace: The trace.
        layer: The block, 0 .. L-1.

    Raises:
        UsageError: A layer out of range, or weights that have changed since the trace.
    """

    def __init__(self, trace: Trace, layer: int) -> None:
        self._trace, self._layer = trace, layer
        self._z, self._whole = trace["z", layer], trace["attn_out", layer]

    def of(self, head: int, value_bias: bool = True) -> Tensor:
        """One head's, `[image, token, d]`.

        Args:
            head: The head.
            value_bias: True: all of it. Whatever the head looks at, `(b_V + W_V b) W_O^h` is in it,
                with `b` the bias of the norm before: attention weights sum to 1. False leaves that
                out, as TransformerLens and Prisma do, which fold `b_V` into the block's bias
                (`fold_value_biases`), and `W_V b` with it (`fold_ln`). The sum over heads and the
                block's bias is the same either way.

        Raises:
            UsageError: A head out of range, weights that have changed since the trace, or attention
                in which the heads are mixed before they are added (a norm over all of them), so
                that no head has a part of its own.
        """
        check_index("head", head, self._trace.vit.n_heads)
        alone = _alone(self._z, head)
        one, others = self._written(alone), self._written(self._z - alone)
        off = (one + others - self._none - self._whole).abs().max()
        if off > _ADDITIVE * self._whole.abs().max():
            raise UsageError(
                f"The heads of block {self._layer} of {self._trace.vit.name} are mixed before they "
                "are added to the residual stream, so that one head has no output of its own."
            )
        if value_bias:
            return one - self._none
        return self._written(alone - _alone(self._bias, head)) - self._none

    @cached_property
    def _none(self) -> Tensor:
        """What is added where no head adds anything."""
        return self._written(torch.zeros_like(self._z))

    @cached_property
    def _bias(self) -> Tensor:
        """What of each head is the same whatever it looks at, as `z`."""
        # the values of a state of zeros are what no token has any part in
        zero = [Zero("resid_pre", self._layer)]
        return site_if(self._trace, "v", self._layer, zero).to(self._z)

    def _written(self, z: Tensor) -> Tensor:
        """What is added with these `z`."""
        edits = [Replace("z", self._layer, z)]
        return site_if(self._trace, "attn_out", self._layer, edits)


def _alone(z: Tensor, head: int) -> Tensor:
    """One head's part of `[image, token, head, d_head]`; the others are 0."""
    alone = torch.zeros_like(z)
    alone[:, :, head] = z[:, :, head]
    return alone
