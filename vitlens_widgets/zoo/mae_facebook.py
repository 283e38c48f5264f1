"""The masked autoencoders that Facebook published as files, as transformers' models.

`mae_visualize_vit_*.pth` paint plain pixels, `mae_pretrain_vit_*_full.pth` normalised ones;
`mae_pretrain_vit_*.pth` hold an encoder alone. Source of names and shapes: `models_mae.py` of the
published code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from timm.data.constants import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from torch import Tensor
from transformers import ViTMAEConfig, ViTMAEForPreTraining, ViTMAEModel

from vitlens_widgets.errors import UsageError, quoted_list
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.models.foreign import Foreign
from vitlens_widgets.models.hf_blocks import block_parts, first_of
from vitlens_widgets.zoo.layouts import Weights, vit_in
from vitlens_widgets.zoo.weights_file import WeightsFile, read_weights

_PUBLISHED = {"base": (768, 12, 12), "large": (1024, 24, 16), "huge": (1280, 32, 16)}
"""Width, blocks and heads."""
_DECODER = (512, 8, 16)
"""Of the decoders of all of them."""
_NAMED = re.compile(r"mae_(?:visualize_|pretrain_)?vit_(base|large|huge)")
_NOT_NORMALISED = "mae_visualize_vit_"
_NORMALISED = ("mae_pretrain_vit_", "_full")
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
    file = read_weights(path)
    weights = vit_in(file)
    _check(file, weights)
    words = config_words(file, weights, model_args)
    if "mask_token" not in weights:
        return _filled(ViTMAEModel(ViTMAEConfig(**words)), file, weights)
    words["norm_pix_loss"] = _normalises(path, model_args, file.args)
    return _filled(ViTMAEForPreTraining(ViTMAEConfig(**words)), file, weights)


def _check(file: WeightsFile, weights: Weights) -> None:
    """Refuse what is not known for a masked autoencoder: other ViTs can have the same names."""
    missing = [name for name in _KNOWN_BY if name not in weights]
    decodes = "mask_token" in weights and any(name.startswith("decoder_") for name in weights)
    if not missing and (decodes or file.path.stem.startswith(_NORMALISED[0])):
        return
    if (file.path.parent / "config.json").is_file():
        raise UsageError(
            f"{file.path} holds the weights of a saved model: load its folder, "
            f'vl.load("{file.path.parent}").'
        )
    such_as = file.architecture or "vit_base_patch16_224"
    reason = f"it has no {quoted_list(missing)}" if missing else "it has no decoder"
    raise UsageError(
        f"{file.path} holds weights without a model around them: say of which architecture they "
        f'are, vl.load("{such_as}", weights="{file.path.name}"). Only Facebook\'s masked '
        f"autoencoders are built from such a file alone, and this is none ({reason})."
    )


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


def config_words(file: WeightsFile, weights: Weights, given: Mapping[str, Any]) -> dict[str, Any]:
    """The shape of the model, read off its weights; heads leave no trace in them."""
    width, _, patch, _ = weights["patch_embed.proj.weight"].shape
    side = round((weights["pos_embed"].shape[1] - 1) ** 0.5)
    depth = _count(weights, "blocks.")
    words = {
        "image_size": side * patch,
        "patch_size": patch,
        "hidden_size": width,
        "num_hidden_layers": depth,
        "num_attention_heads": given.get("num_attention_heads") or _heads(file, width, depth),
        "intermediate_size": len(weights["blocks.0.mlp.fc1.weight"]),
        "layer_norm_eps": 1e-6,
        "image_mean": IMAGENET_DEFAULT_MEAN,
        "image_std": IMAGENET_DEFAULT_STD,
    }
    if "mask_token" in weights:
        if (mlp := "decoder_blocks.0.mlp.fc1.weight") not in weights:
            raise UsageError(f"The file has a mask_token but lacks {mlp}, so no whole decoder.")
        shape = (weights["mask_token"].shape[-1], _count(weights, "decoder_blocks."))
        words |= {
            "decoder_hidden_size": shape[0],
            "decoder_num_hidden_layers": shape[1],
            "decoder_num_attention_heads": given.get("decoder_num_attention_heads")
            or _decoder_heads(file, shape),
            "decoder_intermediate_size": len(weights[mlp]),
        }
    return words


def _heads(file: WeightsFile, width: int, depth: int) -> int:
    """Those of the published model that the file's name or its training's arguments tell."""
    told = [_NAMED.match(str(name)) for name in (file.args.get("model", ""), file.path.stem)]
    for size in [match[1] for match in told if match]:
        if _PUBLISHED[size][:2] == (width, depth):
            return _PUBLISHED[size][2]
    raise UsageError(
        f"{file.path.name} does not tell how many heads its {depth} blocks, {width} wide, have: "
        "neither its name nor the arguments of its training are those of a published size "
        f"({', '.join(_PUBLISHED)}); say vl.load(..., num_attention_heads=...)."
    )


def _decoder_heads(file: WeightsFile, shape: tuple[int, int]) -> int:
    if shape == _DECODER[:2]:
        return _DECODER[2]
    raise UsageError(
        f"{file.path.name} does not tell how many heads the {shape[1]} blocks of its decoder, "
        f"{shape[0]} wide, have; say vl.load(..., decoder_num_attention_heads=...)."
    )


def _count(weights: Mapping[str, Tensor], prefix: str) -> int:
    return len({name.split(".")[1] for name in weights if name.startswith(prefix)})


@clean
@torch.no_grad()
def _filled(
    model: ViTMAEForPreTraining | ViTMAEModel, file: WeightsFile, weights: Weights
) -> Foreign:
    """The model with these weights in it.

    Raises:
        UsageError: One is missing, has another shape, or belongs to no part of the model.
    """
    left = dict(weights)  # each is taken out as it is used
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    for theirs, mine in _pairs(model, left):
        if theirs is None or theirs.shape != mine.shape:
            what = "lacks the weights of" if theirs is None else "has weights of another shape for"
            raise UsageError(f"The file {what} {names[id(mine)]}.")
        mine.copy_(theirs)
    if left:
        raise UsageError(
            f"{file.path} holds more than a masked autoencoder: {quoted_list([*left][:3])}. If it "
            "is of another model, or was fine-tuned into a classifier, say of which architecture: "
            f'vl.load("vit_base_patch16_224", weights="{file.path.name}").'
        )
    return model


def _pairs(model: Foreign, weights: Weights) -> Any:
    """(a published weight, taken out, or None; the parameter it belongs into), all of them."""
    tower, decoder = model.base_model, getattr(model, "decoder", None)
    embeddings = tower.embeddings
    yield weights.pop("cls_token", None), embeddings.cls_token
    yield weights.pop("pos_embed", None), embeddings.position_embeddings
    yield from _module(weights, "patch_embed.proj", embeddings.patch_embeddings.projection)
    yield from _module(weights, "norm", tower.layernorm)
    yield from _blocks(weights, "blocks", first_of(tower, ("layers", "encoder.layer")))
    if decoder is None:
        return
    yield weights.pop("mask_token", None), decoder.mask_token
    yield weights.pop("decoder_pos_embed", None), decoder.decoder_pos_embed
    for name in ("decoder_embed", "decoder_norm", "decoder_pred"):
        yield from _module(weights, name, getattr(decoder, name))
    yield from _blocks(weights, "decoder_blocks", decoder.decoder_layers)


def _blocks(weights: Weights, prefix: str, blocks: Foreign) -> Any:
    for i, block in enumerate(blocks):
        part, at = block_parts(block), f"{prefix}.{i}"
        for kind in ("weight", "bias"):
            fused = weights.pop(f"{at}.attn.qkv.{kind}", None)
            thirds = (None,) * 3 if fused is None else fused.chunk(3)
            for role, third in zip("qkv", thirds, strict=True):
                yield third, getattr(part[role], kind)
        yield from _module(weights, f"{at}.norm1", block.layernorm_before)
        yield from _module(weights, f"{at}.attn.proj", part["attn_proj"])
        yield from _module(weights, f"{at}.norm2", part["norm2"])
        yield from _module(weights, f"{at}.mlp.fc1", part["mlp_in"])
        yield from _module(weights, f"{at}.mlp.fc2", part["mlp_proj"])


def _module(weights: Weights, name: str, module: Foreign) -> Any:
    for kind in ("weight", "bias"):
        yield weights.pop(f"{name}.{kind}", None), getattr(module, kind)
