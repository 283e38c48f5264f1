"""transformers' ViT blocks: where their sites show, in the module layouts of versions 4 and 5."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from torch import nn

from vitlens_widgets.errors import UnsupportedModelError
from vitlens_widgets.models.foreign import Foreign, as_written
from vitlens_widgets.models.hook_points import (
    HookPoint,
    HookPoints,
    ScaledPoint,
    slice_of,
    split_heads,
)

# Where a block keeps each of its parts, the first that is there: of ViT, DeiT, BEiT, DINOv2 and
# their kin from transformers 5.10 on; of the same before; of CLIP and SigLIP; AIMv2; InternVL.
_PARTS = {
    "q": ("attention.q_proj", "attention.attention.query", "self_attn.q_proj"),
    "k": ("attention.k_proj", "attention.attention.key", "self_attn.k_proj"),
    "v": ("attention.v_proj", "attention.attention.value", "self_attn.v_proj"),
    "attn_proj": (
        "attention.o_proj",
        "attention.output.dense",
        "self_attn.out_proj",
        "attention.out_proj",
        "attention.projection_layer",
    ),
    "norm2": ("layernorm_after", "norm2", "layer_norm2", "rms_norm2"),
    "mlp_in": (
        "mlp.fc1",
        "mlp.gate_proj",
        "mlp.up_proj",
        "mlp.weights_in",
        "intermediate.dense",
        "ffn.gate_proj",
    ),
    "mlp_proj": (
        "mlp.fc2",
        "mlp.down_proj",
        "mlp.weights_out",
        "output.dense",
        "ffn.down_proj",
    ),
}


def block_parts(block: Foreign) -> dict[str, Foreign]:
    """A block's linear layers and its second norm, by their role.

    Raises:
        UnsupportedModelError: A part is in none of the known places.
    """
    return {role: first_of(block, paths) for role, paths in _PARTS.items()}


def block_hook_points(block: Foreign, n_heads: int) -> HookPoints:
    """Where the sites of a block show.

    Raises:
        UnsupportedModelError: A part is in none of the known places.
    """
    block = as_written(block)
    part = block_parts(block)
    by_head = split_heads(n_heads)
    return HookPoints(
        {
            "resid_pre": HookPoint(block, "input"),
            "q": HookPoint(_normed(block, part, "q"), "output", by_head),
            "k": HookPoint(_normed(block, part, "k"), "output", by_head),
            "v": HookPoint(part["v"], "output", by_head),
            "z": HookPoint(part["attn_proj"], "input", by_head),
            "attn_out": _added(block, part["attn_proj"], "layer_scale1", "lambda_1"),
            "resid_mid": HookPoint(part["norm2"], "input"),
            "mlp_pre": _neurons(part["mlp_in"], part["mlp_proj"]),
            "mlp_post": HookPoint(part["mlp_proj"], "input"),
            "mlp_out": _added(block, part["mlp_proj"], "layer_scale2", "lambda_2"),
            "resid_post": HookPoint(block, "output"),
        }
    )


def _normed(block: Foreign, part: dict[str, Foreign], role: str) -> Foreign:
    """Where queries or keys leave their norm; their projection where there is no norm."""
    return getattr(getattr(block, "attention", None), f"{role}_norm", part[role])


def _added(block: Foreign, projection: Foreign, scale: str, parameter: str) -> HookPoint:
    """What is added to the stream: a projection, times a layer scale where there is one."""
    if hasattr(block, scale):
        return HookPoint(getattr(block, scale), "output")
    gamma = getattr(block, parameter, None)
    kind = partial(ScaledPoint, scale=gamma) if isinstance(gamma, nn.Parameter) else HookPoint
    return kind(projection, "output")


def _neurons(mlp_in: Foreign, mlp_proj: Foreign) -> HookPoint:
    """Before the activation; a projection into both sides of a gate has the gate's side first."""
    if mlp_in.out_features == 2 * mlp_proj.in_features:
        return HookPoint(mlp_in, "output", slice_of(0, mlp_proj.in_features))
    return HookPoint(mlp_in, "output")


def first_of(parent: Foreign, paths: Iterable[str]) -> Foreign:
    """The submodule in the first of these places where there is one.

    Raises:
        UnsupportedModelError: There is none in any of them.
    """
    for path in paths:
        try:
            return parent.get_submodule(path)
        except AttributeError:
            continue
    raise UnsupportedModelError(
        f"This model cannot be read exactly: {type(parent).__name__} must have "
        f"{' or '.join(paths)}, but it has neither."
    )
