"""timm's attention and MLP modules: where their sites show.

A part is known by the exact name of its class, not by its base classes: a subclass may compute
something else inside.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from torch import nn

from vitlens_widgets.errors import UnsupportedModelError
from vitlens_widgets.models.foreign import Foreign, as_written
from vitlens_widgets.models.hook_points import (
    GroupedPoint,
    HookPoint,
    heads_after_tokens,
    part_of,
    slice_of,
    split_heads,
)


@dataclass(frozen=True)
class AttentionPoints:
    """An attention module's sites; `scale` multiplies its query-key products."""

    n_heads: int
    scale: float
    q: HookPoint
    k: HookPoint
    v: HookPoint
    z: HookPoint


@dataclass(frozen=True)
class MlpPoints:
    """An MLP's sites."""

    pre: HookPoint
    post: HookPoint


_Reader = TypeVar("_Reader", bound=Callable[..., Any])
_ATTENTIONS: dict[str, Callable[[Foreign], AttentionPoints]] = {}
_MLPS: dict[str, Callable[[Foreign], MlpPoints]] = {}

_NOT_ONE_SOFTMAX = (
    "attention must be one softmax over the keys, but timm's {name} subtracts one softmax from "
    "another and norms the result"
)
_REASONS = {
    "timm.layers.diff_attention.DiffAttention": _NOT_ONE_SOFTMAX,
    "timm.models.vision_transformer.DiffParallelScalingBlock": _NOT_ONE_SOFTMAX,
}


def qualified_name(part: Foreign) -> str:
    """`package.module.Class`."""
    return f"{type(part).__module__}.{type(part).__qualname__}"


def reads(table: dict[str, _Reader], *class_names: str) -> Callable[[_Reader], _Reader]:
    """Make a function the reader of the parts with these qualified class names."""

    def remember(reader: _Reader) -> _Reader:
        table.update(dict.fromkeys(class_names, reader))
        return reader

    return remember


def reader_of(table: dict[str, _Reader], part: Foreign, what: str) -> _Reader:
    """The reader of a part.

    Raises:
        UnsupportedModelError: There is none.
    """
    name = qualified_name(part)
    if name not in table:
        timms = {known.rsplit(".", 1)[1] for known in table if known.startswith("timm.")}
        known = ", ".join(sorted(timms))
        reason = _REASONS.get(name, "every block's {what} must be timm's {known}, but it is {full}")
        sentence = reason.format(name=type(part).__name__, what=what, known=known, full=name)
        raise UnsupportedModelError(f"This model cannot be read exactly: {sentence}.")
    return table[name]


def read_attention(attn: Foreign) -> AttentionPoints:
    """Where an attention module's sites show.

    Raises:
        UnsupportedModelError: It is of an unknown kind.
    """
    attn = as_written(attn)
    return reader_of(_ATTENTIONS, attn, "attention")(attn)


def read_mlp(mlp: Foreign) -> MlpPoints:
    """Where an MLP's sites show.

    Raises:
        UnsupportedModelError: It is of an unknown kind.
    """
    mlp = as_written(mlp)
    return reader_of(_MLPS, mlp, "MLP")(mlp)


@reads(
    _ATTENTIONS,
    "timm.layers.attention.Attention",
    "timm.models.vision_transformer.Attention",  # before timm 1.0.16
)
def _attention(attn: Foreign) -> AttentionPoints:
    return _fused(attn, z=attn.norm)


@reads(_ATTENTIONS, "timm.models.vision_transformer_relpos.RelPosAttention")
def _relative_attention(attn: Foreign) -> AttentionPoints:
    return _fused(attn, z=attn.proj)


@reads(_ATTENTIONS, "timm.models.beit.Attention")
def _beit_attention(attn: Foreign) -> AttentionPoints:
    """Its fused projection is called with a bias put together from those of q and v."""
    q, k, v = (_part_of_product(attn, index) for index in range(3))
    z = HookPoint(attn.proj, "input", split_heads(attn.num_heads))
    return AttentionPoints(attn.num_heads, scale_of(attn), q, k, v, z)


@reads(_ATTENTIONS, "timm.models.eva.EvaAttention", "timm.layers.attention.AttentionRope")
def _eva_attention(attn: Foreign) -> AttentionPoints:
    """Fused or separate projections, the latter perhaps with fewer key and value heads."""
    z = HookPoint(attn.norm, "input", split_heads(attn.num_heads))
    q, k = HookPoint(attn.q_norm, "output", heads_after_tokens), attn.k_norm
    if attn.qkv is not None:
        v = _part_of_product(attn, 2)
        k = HookPoint(k, "output", heads_after_tokens)
        return AttentionPoints(attn.num_heads, scale_of(attn), q, k, v, z)
    group = getattr(attn, "num_kv_groups", 1)
    kind = HookPoint if group == 1 else partial(GroupedPoint, group=group)
    v = kind(attn.v_proj, "output", split_heads(attn.num_heads // group))
    k = kind(k, "output", heads_after_tokens)
    return AttentionPoints(attn.num_heads, scale_of(attn), q, k, v, z)


def scale_of(attn: Foreign) -> float:
    """The factor of the products: torch's fused attention is not told the module's own."""
    if not attn.fused_attn:
        return attn.scale
    head_dim = getattr(attn, "head_dim", None) or attn.proj.in_features // attn.num_heads
    return head_dim**-0.5


def _fused(attn: Foreign, z: Foreign) -> AttentionPoints:
    """Where a module does nothing the place before it serves: patched forwards pass it by."""
    if isinstance(z, nn.Identity) and getattr(attn, "gate", None) is None:
        z = attn.proj
    q, k = (
        HookPoint(attn.qkv, "output", part_of(3, index, attn.num_heads))
        if isinstance(norm, nn.Identity)
        else HookPoint(norm, "output", heads_after_tokens)
        for index, norm in enumerate((attn.q_norm, attn.k_norm))
    )
    return AttentionPoints(
        n_heads=attn.num_heads,
        scale=scale_of(attn),
        q=q,
        k=k,
        v=HookPoint(attn.qkv, "output", part_of(3, 2, attn.num_heads)),
        z=HookPoint(z, "input", split_heads(attn.num_heads)),
    )


def _part_of_product(attn: Foreign, index: int) -> HookPoint:
    """Queries, keys or values of a fused projection whose biases are kept apart from it."""
    has_bias = getattr(attn, "q_bias", None) is not None
    if has_bias and getattr(attn, "qkv_bias_separate", False):
        raise UnsupportedModelError(
            "This model cannot be read exactly: the biases of queries and values must be part of "
            "their projection, but qkv_bias_separate adds them afterwards."
        )
    return HookPoint(attn.qkv, "linear", part_of(3, index, attn.num_heads))


@reads(_MLPS, "timm.layers.mlp.Mlp")
def _mlp(mlp: Foreign) -> MlpPoints:
    return MlpPoints(pre=HookPoint(mlp.fc1, "output"), post=HookPoint(mlp.norm, "input"))


@reads(_MLPS, "timm.layers.mlp.GluMlp")
def _glu(mlp: Foreign) -> MlpPoints:
    """One projection makes both sides; which half is the gate's is a choice of the MLP."""
    half = mlp.fc1.out_features // 2
    gate = slice_of(half, 2 * half) if mlp.gate_last else slice_of(0, half)
    return MlpPoints(pre=HookPoint(mlp.fc1, "output", gate), post=HookPoint(mlp.norm, "input"))


@reads(_MLPS, "timm.layers.mlp.SwiGLU")
def _swiglu(mlp: Foreign) -> MlpPoints:
    return MlpPoints(pre=HookPoint(mlp.fc1_g, "output"), post=HookPoint(mlp.norm, "input"))
