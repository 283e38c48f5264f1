"""torch's `nn.MultiheadAttention`: where its sites show, though it keeps them to itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor, nn

from vitlens_widgets.models.hook_points import HookPoint, JoinedPoint, ReadOnlyPoint

_KEPT_INSIDE = (
    "torch's nn.MultiheadAttention keeps its queries, keys and values to itself; edit the scores, "
    "the pattern, z or attn_out"
)


def attention_points(attn: nn.MultiheadAttention) -> dict[str, HookPoint | JoinedPoint]:
    """The sites q, k, v and z of an attention whose images come first (`batch_first`)."""
    q, k, v = (
        ReadOnlyPoint(attn, "input", compute=partial(_part, attn, index=i), reason=_KEPT_INSIDE)
        for i in range(3)
    )
    z = _Weighted((HookPoint(attn, "input"), HookPoint(attn, "output")), "sum", attn=attn)
    return {"q": q, "k": k, "v": v, "z": z}


@dataclass(frozen=True)
class _Weighted(JoinedPoint):
    """`z`: computed from what attention is given, written into what it gives."""

    attn: nn.MultiheadAttention = field(kw_only=True)

    def join(self, values: list[Tensor]) -> Tensor:
        """The values weighed by the pattern, from the input of attention."""
        q, k, v = (_part(self.attn, values[0], i).transpose(1, 2) for i in range(3))
        z = _scores(q, k).softmax(-1) @ v
        return z.transpose(1, 2)

    def last(self, values: list[Tensor], new: Tensor) -> Tensor:  # noqa: ARG002
        """The output of attention with a new `z`."""
        return self.attn.out_proj(new.flatten(2))


def _part(attn: nn.MultiheadAttention, normed: Tensor, index: int) -> Tensor:
    """Queries (0), keys (1) or values (2), `[image, token, head, d_head]`."""
    weight = attn.in_proj_weight.chunk(3)[index]
    bias = None if attn.in_proj_bias is None else attn.in_proj_bias.chunk(3)[index]
    part = nn.functional.linear(normed, weight, bias)
    return torch.unflatten(part, -1, (attn.num_heads, -1))


def _scores(q: Tensor, k: Tensor) -> Tensor:
    return q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5
