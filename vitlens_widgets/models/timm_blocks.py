"""timm's transformer blocks: where attention and MLP add to the stream."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import accumulate

from torch import nn

from vitlens_widgets.errors import UnsupportedModelError
from vitlens_widgets.models.foreign import Foreign, as_written
from vitlens_widgets.models.hook_points import (
    HookPoint,
    HookPoints,
    JoinedPoint,
    ScaledPoint,
    View,
    slice_of,
    split_heads,
)
from vitlens_widgets.models.timm_parts import (
    AttentionPoints,
    read_attention,
    read_mlp,
    reader_of,
    reads,
    scale_of,
)

_NO_MIDDLE = {
    "resid_mid": "its blocks run attention and MLP side by side on the same stream, so that there "
    "is no stream between them"
}
_NO_MLP = {
    "resid_mid": "its blocks have no MLP, so that the stream after their attention is resid_post",
    **dict.fromkeys(("mlp_pre", "mlp_post", "mlp_out"), "its blocks have no MLP"),
}


@dataclass(frozen=True)
class BlockPoints:
    """A block's sites; `scale` multiplies its query-key products."""

    n_heads: int
    scale: float
    hook_points: HookPoints


_BLOCKS: dict[str, Callable[[Foreign], BlockPoints]] = {}


def read_block(block: Foreign) -> BlockPoints:
    """Where a block's sites show.

    Raises:
        UnsupportedModelError: It, or a part of it, is of an unknown kind.
    """
    block = as_written(block)
    return reader_of(_BLOCKS, block, "kind")(block)


@reads(
    _BLOCKS,
    "timm.models.vision_transformer.Block",
    "timm.models.beit.Block",
    "timm.models.eva.EvaBlock",
    "timm.models.vision_transformer_relpos.RelPosBlock",
)
def _pre_norm(block: Foreign) -> BlockPoints:
    """`x + scale1 * attn(norm1(x))`, then `x + scale2 * mlp(norm2(x))`."""
    return _one_after_the_other(block, middle=block.norm2)


@reads(
    _BLOCKS,
    "timm.models.vision_transformer.ResPostBlock",
    "timm.models.eva.EvaBlockPostNorm",
    "timm.models.vision_transformer_relpos.ResPostRelPosBlock",
)
def _post_norm(block: Foreign) -> BlockPoints:
    """`x + norm1(attn(x))`, then `x + norm2(mlp(x))`: what is added has been normed."""
    return _one_after_the_other(block, middle=block.mlp)


@reads(_BLOCKS, "vitlens_widgets.world.network.AttentionBlock")
def _attention_alone(block: Foreign) -> BlockPoints:
    """`x + scale * attn(norm1(x))`."""
    attn = read_attention(block.attn)
    return BlockPoints(attn.n_heads, attn.scale, HookPoints(_attending(block, attn), _NO_MLP))


def _attending(block: Foreign, attn: AttentionPoints) -> dict[str, HookPoint]:
    """The sites of a block that has one attention, but for those of an MLP."""
    return {
        "resid_pre": HookPoint(block, "input"),
        "q": attn.q,
        "k": attn.k,
        "v": attn.v,
        "z": attn.z,
        "attn_out": HookPoint(block.drop_path1, "output"),
        "resid_post": HookPoint(block, "output"),
    }


def _one_after_the_other(block: Foreign, middle: nn.Module) -> BlockPoints:
    attn, mlp = read_attention(block.attn), read_mlp(block.mlp)
    points = {
        **_attending(block, attn),
        "resid_mid": HookPoint(middle, "input"),
        "mlp_pre": mlp.pre,
        "mlp_post": mlp.post,
        "mlp_out": HookPoint(block.drop_path2, "output"),
    }
    return BlockPoints(attn.n_heads, attn.scale, HookPoints(points))


@reads(_BLOCKS, "timm.models.vision_transformer.ParallelScalingBlock")
def _side_by_side(block: Foreign) -> BlockPoints:
    """`x + scale * (attn(norm(x)) + mlp(norm(x)))`, with one projection into both.

    Source: Dehghani et al. (2023), section 2.1.
    """
    if getattr(block, "out_proj", None) is not None:
        raise UnsupportedModelError(
            "This model cannot be read exactly: attention and MLP must each have an output "
            "projection, but fuse_out_proj gives them a common one with a common bias."
        )
    heads = split_heads(block.num_heads)
    _, _, values = _slices(block.in_split)[1:]
    # with a bias of its own for the MLP, older timm hands the projection's weight on itself
    side = "output" if block.mlp_bias is None else "linear"
    gamma = getattr(block.ls, "gamma", None)
    added = HookPoint if gamma is None else partial(ScaledPoint, scale=gamma)
    points = {
        "resid_pre": HookPoint(block, "input"),
        "q": HookPoint(block.q_norm, "output"),
        "k": HookPoint(block.k_norm, "output"),
        "v": HookPoint(block.in_proj, side, lambda fused: heads(values(fused))),
        "z": HookPoint(block.attn_out_proj, "input", heads),
        "attn_out": added(block.attn_out_proj, "output"),
        "mlp_pre": HookPoint(block.mlp_act, "input"),
        "mlp_post": HookPoint(block.mlp_out_proj, "input"),
        "mlp_out": added(block.mlp_out_proj, "output"),
        "resid_post": HookPoint(block, "output"),
    }
    return BlockPoints(block.num_heads, scale_of(block), HookPoints(points, _NO_MIDDLE))


def _slices(widths: list[int]) -> list[View]:
    ends = list(accumulate(widths))
    return [slice_of(end - width, end) for end, width in zip(ends, widths, strict=True)]


@reads(_BLOCKS, "timm.models.vision_transformer.ParallelThingsBlock")
def _branches(block: Foreign) -> BlockPoints:
    """`x + sum of attn_i(norm_i(x))`, then `x + sum of mlp_i(norm_i(x))`.

    Source: Touvron et al. (2022), "Three things everyone should know about Vision Transformers".
    """
    attns = [read_attention(branch.attn) for branch in block.attns]
    mlps = [read_mlp(branch.mlp) for branch in block.ffns]

    def side_by_side(parts: list[HookPoint]) -> JoinedPoint:
        return JoinedPoint(tuple(parts), "side_by_side")

    def added(branches: Foreign) -> JoinedPoint:
        return JoinedPoint(tuple(HookPoint(branch, "output") for branch in branches), "sum")

    points = {
        "resid_pre": HookPoint(block, "input"),
        "q": side_by_side([attn.q for attn in attns]),
        "k": side_by_side([attn.k for attn in attns]),
        "v": side_by_side([attn.v for attn in attns]),
        "z": side_by_side([attn.z for attn in attns]),
        "attn_out": added(block.attns),
        "resid_mid": JoinedPoint(
            tuple(HookPoint(branch, "input") for branch in block.ffns), "same"
        ),
        "mlp_pre": side_by_side([mlp.pre for mlp in mlps]),
        "mlp_post": side_by_side([mlp.post for mlp in mlps]),
        "mlp_out": added(block.ffns),
        "resid_post": HookPoint(block, "output"),
    }
    return BlockPoints(sum(attn.n_heads for attn in attns), attns[0].scale, HookPoints(points))
