"""Names of weights in files, as timm's: prefixes of trainers, layouts of other libraries."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from vitlens_widgets.errors import UsageError, quoted_list, warn
from vitlens_widgets.zoo.weights_file import WeightsFile

Weights = dict[str, Tensor]
_WRAPPED = re.compile(
    r"(?:^|(?<=\.))(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\."
)
_TOWERS = "vit|deit|dinov2|dinov2_with_registers|dinov3_vit|beit|data2vec_vision|vision_model|ijepa"
"""What transformers calls the part of a model that sees."""
_EMBEDDING = re.compile(  # what stands before it is the prefix of the whole model
    r"^(?:.*?\.)??(?=patch_embed\.|"
    rf"(?:(?:{_TOWERS})\.)?embeddings\.patch_embeddings?\.)"
)
_PROJECTION = ("head.mlp.", "head.last_layer.", "dino_head.", "ibot_head.")
"""The heads of DINO, DINOv2 and iBOT, which stand beside the backbone while it is trained."""
_UNREAD = ("mask_token", "pooler.dense.weight", "pooler.dense.bias")
"""Belong to training alone: no forward pass over whole images reads them."""
_HF = (
    (r"^(?:vit|deit|dinov2|dinov2_with_registers)\.", ""),
    (r"^embeddings\.position_embeddings$", "pos_embed"),
    (r"^embeddings\.patch_embeddings\.projection\.", "patch_embed.proj."),
    (r"^embeddings\.register_tokens$", "reg_token"),
    (r"^embeddings\.distillation_token$", "dist_token"),
    (r"^embeddings\.", ""),
    (r"^(?:encoder\.layer|encoder\.layers|layers)\.(\d+)\.", r"blocks.\1."),
    (r"\.attention\.attention\.(query|key|value)\.", r".attn.\1."),
    (r"\.attention\.(?:output\.dense|o_proj)\.", ".attn.proj."),
    (r"\.attention\.q_proj\.", ".attn.query."),
    (r"\.attention\.k_proj\.", ".attn.key."),
    (r"\.attention\.v_proj\.", ".attn.value."),
    (r"\.layernorm_before\.", ".norm1."),
    (r"\.layernorm_after\.", ".norm2."),
    (r"\.layer_scale([12])\.lambda1$", r".ls\1.gamma"),
    (r"\.(?:intermediate\.dense|mlp\.weights_in)\.", ".mlp.fc1."),
    (r"(?<=\d)\.output\.dense\.", ".mlp.fc2."),
    (r"\.mlp\.(?:weights_out|down_proj)\.", ".mlp.fc2."),
    (r"^layernorm\.", "norm."),
    (r"^(?:cls_)?classifier\.", "head."),
    (r"^distillation_classifier\.", "head_dist."),
)
_FACEBOOK = (
    (r"^register_tokens$", "reg_token"),
    (r"^blocks\.\d+\.(?=\d+\.)", "blocks."),  # in chunks, for training on many machines
    (r"\.mlp\.w12\.", ".mlp.fc1."),
    (r"\.mlp\.w3\.", ".mlp.fc2."),
)
_FUSED = {
    "attn.qkv": ("attn.query", "attn.key", "attn.value"),
    "mlp.fc1": ("mlp.gate_proj", "mlp.up_proj"),
}


def vit_in(file: WeightsFile, key: str | None = None, ignore: Sequence[str] = ()) -> Weights:
    """The weights of the one ViT in a file without its prefix, and all others as they stand there.

    Args:
        file: What was read.
        key: Which, where a file holds several: "teacher", "state_dict_ema", "state_dict.student".
        ignore: Names that begin with one of these are left in the file.

    Raises:
        UsageError: There is no ViT in it, or several and no key says which.
    """
    found = _under(file, key)
    places = [(at, prefix) for at, weights in found.items() for prefix in _prefixes(weights)]
    named = [".".join(part.rstrip(".") for part in place if part) for place in places]
    if len(places) > 1:
        raise UsageError(
            f"{file.path} holds {len(places)} models, {quoted_list(named)}; say which: "
            f'weights_key="{next(filter(None, named))}".'
        )
    if not places:
        start = [name for weights in (found or file.state_dicts).values() for name in weights]
        raise UsageError(
            f"{file.path} holds no ViT that is known by its names"
            f'{f""" under weights_key="{key}" """.rstrip() if key else ""}: none embeds patches '
            f"(it begins with {quoted_list(start[:3])})."
        )
    at, prefix = places[0]
    weights = {name.removeprefix(prefix): weight for name, weight in found[at].items()}
    weights = {name: w for name, w in weights.items() if not name.startswith(tuple(ignore))}
    if prefix.endswith("backbone."):
        return _without_projection(file, weights, prefix.removesuffix("backbone."))
    return weights


def _under(file: WeightsFile, key: str | None) -> dict[str, Weights]:
    """The state dicts, names without what wraps modules; with a key, what stands under it."""
    found: dict[str, Weights] = {}
    for at, tensors in file.state_dicts.items():
        weights = {_WRAPPED.sub("", name): weight for name, weight in tensors.items()}
        inner = None if key is None else f"{key}.".removeprefix(f"{at}." if at else "")
        if key is None or f"{at}.".startswith(f"{key}."):
            found[at] = weights
        elif inner and (not at or key.startswith(f"{at}.")):
            part = {n.removeprefix(inner): w for n, w in weights.items() if n.startswith(inner)}
            if part:
                found[key] = part
    return found


def _prefixes(weights: Mapping[str, Tensor]) -> list[str]:
    """What stands before the names of each ViT."""
    matches = (_EMBEDDING.match(name) for name in weights)
    return list(dict.fromkeys(match.group() for match in matches if match))


def _without_projection(file: WeightsFile, weights: Weights, above: str) -> Weights:
    starts = tuple(f"{above}{name}" for name in _PROJECTION)
    out = [name for name in weights if name.startswith(starts)]
    if out:
        warn(
            f"The projection head in {file.path.name} ({len(out)} weights from {out[0]} on), which "
            "serves self-distillation alone, is no part of the model and left out."
        )
    return {name: weight for name, weight in weights.items() if name not in out}


def as_timm(weights: Weights) -> Weights:
    """Weights under timm's names, q, k and v in one; those of unknown layouts stay as they are."""
    hf = any("embeddings.patch_embeddings." in name for name in weights)
    renamed: Weights = {}
    for name, weight in weights.items():
        for pattern, instead in _HF if hf else _FACEBOOK:
            name = re.sub(pattern, instead, name)  # noqa: PLW2901
        renamed[name] = weight
    fused = _fused(renamed) if hf else renamed
    return {name: weight for name, weight in fused.items() if name not in _UNREAD}


def _fused(weights: Weights) -> Weights:
    """Projections that timm makes in one are joined, where all of them are there."""
    for whole, parts in _FUSED.items():
        for name in [name for name in weights if f".{parts[0]}." in name]:
            names = [name.replace(parts[0], part) for part in parts]
            if all(one in weights for one in names):
                joined = torch.cat([weights.pop(one) for one in names])
                weights[name.replace(parts[0], whole)] = joined
    return weights


def placed_as(weights: Weights, own: Mapping[str, Tensor]) -> Weights:
    """CLS with its position added, where the model gives patches alone a position."""
    cls, places = weights.get("cls_token"), weights.get("pos_embed")
    if cls is None or places is None or "cls_token" not in own or "pos_embed" not in own:
        return weights
    if places.ndim != 3 or places.shape[1] != own["pos_embed"].shape[1] + 1:
        return weights
    return {**weights, "cls_token": cls + places[:, :1], "pos_embed": places[:, 1:]}
