"""The masked autoencoders that Facebook published as files, as transformers' models.

`mae_visualize_vit_*.pth` paint plain pixels, `mae_pretrain_vit_*_full.pth` normalised ones;
`mae_pretrain_vit_*.pth` hold an encoder alone. Source of names and shapes: `models_mae.py` of the
published code.
"""

from __future__ import annotations

import argparse
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from timm.data.constants import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from torch import Tensor
from transformers import ViTMAEConfig, ViTMAEForPreTraining, ViTMAEModel

from vitlens_widgets.errors import UsageError, quoted_list
from vitlens_widgets.models.foreign import Foreign
from vitlens_widgets.models.hf_blocks import block_parts, first_of

_HEADS = {768: 12, 1024: 16, 1280: 16}  # of base, large and huge, by width
_DECODER_HEADS = 16  # of all of them
_NOT_NORMALISED = "mae_visualize_vit_"
_NORMALISED = ("mae_pretrain_vit_", "_full")
_PARTS = ("cls_token", "pos_embed", "mask_token", "patch_embed.", "blocks.", "norm.", "decoder_")
_KNOWN_BY = (
    "cls_token",
    "pos_embed",
    "patch_embed.proj.weight",
    "blocks.0.attn.qkv.weight",
    "blocks.0.mlp.fc1.weight",
)
_WORDS = ("norm_pix_loss", "num_attention_heads", "decoder_num_attention_heads")


def from_facebook(path: Path, model_args: Mapping[str, Any]) -> Foreign:
    """A checkpoint file as transformers' `ViTMAEForPreTraining`, `ViTMAEModel` without a decoder.

    Args:
        path: The file; only tensors and plain values are read from it.
        model_args: What the file does not say: `norm_pix_loss`, where neither its name nor the
            arguments saved in it tell whether it paints normalised pixels, and
            `num_attention_heads`, `decoder_num_attention_heads`, where they are not those of the
            published sizes.

    Raises:
        UsageError: Not such a file, a word it does not take, or norm_pix_loss is missing.
    """
    if unknown := [word for word in model_args if word not in _WORDS]:
        raise UsageError(
            f"A masked autoencoder's file takes {quoted_list(_WORDS)}, not {quoted_list(unknown)}."
        )
    weights, saved_args = _read(path)
    words = _config_words(weights, model_args)
    if "mask_token" not in weights:
        return _filled(ViTMAEModel(ViTMAEConfig(**words)), weights)
    words["norm_pix_loss"] = _normalises(path, model_args, saved_args)
    return _filled(ViTMAEForPreTraining(ViTMAEConfig(**words)), weights)


def _read(path: Path) -> tuple[dict[str, Tensor], Mapping[str, Any]]:
    """The weights of a file by their published names, and the arguments of its training."""
    try:
        with torch.serialization.safe_globals([argparse.Namespace]):  # of the training script
            found = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        raise UsageError(f"{path} is no file of weights that can be read safely.") from error
    found = found if isinstance(found, dict) else {}
    weights = found.get("model", found)
    if missing := [name for name in _KNOWN_BY if name not in weights]:
        raise UsageError(
            f"{path} holds weights without a model around them: build the module, load them into "
            "it and give vl.load the module. Only Facebook's masked autoencoders are built from "
            f"such a file, and this is none (it has no {quoted_list(missing)})."
        )
    if others := [name for name in weights if not name.startswith(_PARTS)]:
        raise UsageError(
            f"{path} holds more than a masked autoencoder: {quoted_list(others[:3])}. If it was "
            "fine-tuned into a classifier, load it with timm and give vl.load the module."
        )
    args = found.get("args")
    return weights, args if isinstance(args, Mapping) else getattr(args, "__dict__", {})


def _normalises(path: Path, given: Mapping[str, Any], saved_args: Mapping[str, Any]) -> bool:
    """Whether the model paints normalised pixels: as declared, as saved, or by the file's name."""
    if "norm_pix_loss" in given:
        return bool(given["norm_pix_loss"])
    if "norm_pix_loss" in saved_args:
        return bool(saved_args["norm_pix_loss"])
    start, end = _NORMALISED
    if path.stem.startswith(_NOT_NORMALISED):
        return False
    if path.stem.startswith(start) and path.stem.endswith(end):
        return True
    raise UsageError(
        f"{path.name} does not say whether its model was trained on normalised pixels; say "
        "vl.load(..., norm_pix_loss=True) or norm_pix_loss=False."
    )


def _config_words(weights: Mapping[str, Tensor], given: Mapping[str, Any]) -> dict[str, Any]:
    """The shape of the model, read off its weights."""
    width, _, patch, _ = weights["patch_embed.proj.weight"].shape
    side = round((weights["pos_embed"].shape[1] - 1) ** 0.5)
    heads = given.get("num_attention_heads", _HEADS.get(width))
    if heads is None:
        raise UsageError(
            f"A masked autoencoder {width} wide is none of the published sizes "
            f"({', '.join(map(str, _HEADS))}); say vl.load(..., num_attention_heads=...)."
        )
    words = {
        "image_size": side * patch,
        "patch_size": patch,
        "hidden_size": width,
        "num_hidden_layers": _count(weights, "blocks."),
        "num_attention_heads": heads,
        "intermediate_size": len(weights["blocks.0.mlp.fc1.weight"]),
        "layer_norm_eps": 1e-6,
        "image_mean": IMAGENET_DEFAULT_MEAN,
        "image_std": IMAGENET_DEFAULT_STD,
    }
    if "mask_token" in weights:
        if (mlp := "decoder_blocks.0.mlp.fc1.weight") not in weights:
            raise UsageError(f"The file has a mask_token but lacks {mlp}, so no whole decoder.")
        words |= {
            "decoder_hidden_size": weights["mask_token"].shape[-1],
            "decoder_num_hidden_layers": _count(weights, "decoder_blocks."),
            "decoder_num_attention_heads": given.get("decoder_num_attention_heads", _DECODER_HEADS),
            "decoder_intermediate_size": len(weights[mlp]),
        }
    return words


def _count(weights: Mapping[str, Tensor], prefix: str) -> int:
    return len({name.split(".")[1] for name in weights if name.startswith(prefix)})


@torch.no_grad()
def _filled(model: ViTMAEForPreTraining | ViTMAEModel, weights: dict[str, Tensor]) -> Foreign:
    """The model with these weights in it.

    Raises:
        UsageError: One is missing or has another shape.
    """
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    for theirs, mine in _pairs(model, weights):
        if theirs is None or theirs.shape != mine.shape:
            what = "lacks the weights of" if theirs is None else "has weights of another shape for"
            raise UsageError(f"The file {what} {names[id(mine)]}.")
        mine.copy_(theirs)
    return model


def _pairs(model: Foreign, weights: dict[str, Tensor]) -> Any:
    """(a published weight or None, the parameter it belongs into), all of them."""
    tower, decoder = model.base_model, getattr(model, "decoder", None)
    embeddings = tower.embeddings
    yield weights.get("cls_token"), embeddings.cls_token
    yield weights.get("pos_embed"), embeddings.position_embeddings
    yield from _module(weights, "patch_embed.proj", embeddings.patch_embeddings.projection)
    yield from _module(weights, "norm", tower.layernorm)
    yield from _blocks(weights, "blocks", first_of(tower, ("layers", "encoder.layer")))
    if decoder is None:
        return
    yield weights.get("mask_token"), decoder.mask_token
    yield weights.get("decoder_pos_embed"), decoder.decoder_pos_embed
    for name in ("decoder_embed", "decoder_norm", "decoder_pred"):
        yield from _module(weights, name, getattr(decoder, name))
    yield from _blocks(weights, "decoder_blocks", decoder.decoder_layers)


def _blocks(weights: dict[str, Tensor], prefix: str, blocks: Foreign) -> Any:
    for i, block in enumerate(blocks):
        part, at = block_parts(block), f"{prefix}.{i}"
        for kind in ("weight", "bias"):
            fused = weights.get(f"{at}.attn.qkv.{kind}")
            thirds = (None,) * 3 if fused is None else fused.chunk(3)
            for role, third in zip("qkv", thirds, strict=True):
                yield third, getattr(part[role], kind)
        yield from _module(weights, f"{at}.norm1", block.layernorm_before)
        yield from _module(weights, f"{at}.attn.proj", part["attn_proj"])
        yield from _module(weights, f"{at}.norm2", part["norm2"])
        yield from _module(weights, f"{at}.mlp.fc1", part["mlp_in"])
        yield from _module(weights, f"{at}.mlp.fc2", part["mlp_proj"])


def _module(weights: dict[str, Tensor], name: str, module: Foreign) -> Any:
    for kind in ("weight", "bias"):
        yield weights.get(f"{name}.{kind}"), getattr(module, kind)
