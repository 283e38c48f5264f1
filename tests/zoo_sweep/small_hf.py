"""transformers' ViTs, small: every supported class, with what its configuration can vary."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from inspect import signature
from typing import Any

import torch
from torch import Tensor, nn

GRID = (3, 5)
SQUARE = 4
PATCH = 8
N_CLASSES = 11

_SIZES = {
    "hidden_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 96,
    "patch_size": PATCH,
}
_RELATIVE = {"use_relative_position_bias": True, "layer_scale_init_value": 0.1}


@dataclass(frozen=True)
class Kind:
    """A class of models with a variant of its configuration.

    Args:
        model: The model's class.
        config: Its configuration's class.
        words: What is special in it.
        pooled: Where the library's output has what a classifier would read, without a classifier.
        resampled: Whether position embeddings fit other grids, so that a model with a square one
            is run on a grid that is none.
    """

    model: str
    config: str
    words: Mapping[str, Any] = field(default_factory=dict)
    pooled: Callable[[Any], Tensor] = lambda out: out.pooler_output
    resampled: bool = False


def _cls(out: Any) -> Tensor:
    return out.last_hidden_state[:, 0]


def _mean(out: Any) -> Tensor:
    return out.last_hidden_state.mean(1)


def _map(out: Any) -> Tensor:
    return out.feature_maps[-1].flatten(2).mean(2)


_SHARED = {
    "use_shared_relative_position_bias": True,
    "use_absolute_position_embeddings": True,
    "use_mean_pooling": False,
    "layer_scale_init_value": 0.0,
}
_CLS_DATA2VEC = {**_RELATIVE, "use_mean_pooling": False}
_DINO = "Dinov2"
_REG = "Dinov2WithRegisters"
_V3 = "DINOv3ViT"

KINDS = {
    "ViTForImageClassification": Kind("ViTForImageClassification", "ViTConfig"),
    "ViTForImageClassification, no qkv bias": Kind(
        "ViTForImageClassification", "ViTConfig", {"qkv_bias": False}
    ),
    "ViTForImageClassification, another image size": Kind(
        "ViTForImageClassification", "ViTConfig", resampled=True
    ),
    "ViTModel": Kind("ViTModel", "ViTConfig", pooled=_cls),
    "DeiTForImageClassification": Kind("DeiTForImageClassification", "DeiTConfig"),
    "DeiTForImageClassificationWithTeacher": Kind(
        "DeiTForImageClassificationWithTeacher", "DeiTConfig"
    ),
    "DeiTModel": Kind("DeiTModel", "DeiTConfig", pooled=_cls),
    "ViTMSNForImageClassification": Kind("ViTMSNForImageClassification", "ViTMSNConfig"),
    "ViTMSNModel": Kind("ViTMSNModel", "ViTMSNConfig", pooled=_cls),
    "BeitForImageClassification": Kind("BeitForImageClassification", "BeitConfig", _RELATIVE),
    "BeitForImageClassification, one bias for all blocks": Kind(
        "BeitForImageClassification", "BeitConfig", _SHARED, resampled=True
    ),
    "BeitModel": Kind("BeitModel", "BeitConfig", _RELATIVE),
    "Data2VecVisionForImageClassification": Kind(
        "Data2VecVisionForImageClassification", "Data2VecVisionConfig", _RELATIVE
    ),
    "Data2VecVisionForImageClassification, one bias for all blocks": Kind(
        "Data2VecVisionForImageClassification", "Data2VecVisionConfig", _SHARED, resampled=True
    ),
    "Data2VecVisionModel": Kind(
        "Data2VecVisionModel", "Data2VecVisionConfig", _CLS_DATA2VEC, pooled=_cls
    ),
    "Dinov2ForImageClassification": Kind(
        f"{_DINO}ForImageClassification", f"{_DINO}Config", resampled=True
    ),
    "Dinov2ForImageClassification, SwiGLU": Kind(
        f"{_DINO}ForImageClassification",
        f"{_DINO}Config",
        {"use_swiglu_ffn": True},
        resampled=True,
    ),
    "Dinov2Model": Kind(f"{_DINO}Model", f"{_DINO}Config", resampled=True),
    "Dinov2WithRegistersForImageClassification": Kind(
        f"{_REG}ForImageClassification",
        f"{_REG}Config",
        {"num_register_tokens": 4},
        resampled=True,
    ),
    "Dinov2WithRegistersModel, SwiGLU": Kind(
        f"{_REG}Model",
        f"{_REG}Config",
        {"num_register_tokens": 3, "use_swiglu_ffn": True},
        resampled=True,
    ),
    "CLIPForImageClassification": Kind("CLIPForImageClassification", "CLIPConfig"),
    "CLIPVisionModel": Kind("CLIPVisionModel", "CLIPVisionConfig", resampled=True),
    "CLIPVisionModelWithProjection": Kind(
        "CLIPVisionModelWithProjection",
        "CLIPVisionConfig",
        {"projection_dim": 24},
        pooled=lambda out: out.image_embeds,
    ),
    "SiglipForImageClassification": Kind(
        "SiglipForImageClassification", "SiglipConfig", resampled=True
    ),
    "SiglipVisionModel": Kind("SiglipVisionModel", "SiglipVisionConfig"),
    "Siglip2ForImageClassification": Kind(
        "Siglip2ForImageClassification", "Siglip2Config", resampled=True
    ),
    "Siglip2VisionModel": Kind(
        "Siglip2VisionModel", "Siglip2VisionConfig", {"num_patches": SQUARE**2}, resampled=True
    ),
    "DINOv3ViTModel": Kind("DINOv3ViTModel", f"{_V3}Config", {"num_register_tokens": 4}),
    "DINOv3ViTModel, gated MLP, another image size": Kind(
        "DINOv3ViTModel",
        f"{_V3}Config",
        {"use_gated_mlp": True, "num_register_tokens": 2, "key_bias": True},
        resampled=True,
    ),
    "IJepaForImageClassification": Kind("IJepaForImageClassification", "IJepaConfig"),
    "IJepaForImageClassification, another image size": Kind(
        "IJepaForImageClassification", "IJepaConfig", resampled=True
    ),
    "IJepaModel": Kind("IJepaModel", "IJepaConfig", pooled=_mean),
    "PixioModel": Kind("PixioModel", "PixioConfig", resampled=True),
    "Aimv2VisionModel": Kind("Aimv2VisionModel", "Aimv2VisionConfig"),
    "Aimv2VisionModel, native, no pooling": Kind(
        "Aimv2VisionModel",
        "Aimv2VisionConfig",
        {"is_native": True, "use_head": False, "mlp_bias": True, "qkv_bias": True},
        pooled=_mean,
        resampled=True,
    ),
    "MLCDVisionModel": Kind("MLCDVisionModel", "MLCDVisionConfig", resampled=True),
    "InternVLVisionModel, CLS, q/k norm": Kind(
        "InternVLVisionModel",
        "InternVLVisionConfig",
        {"use_qk_norm": True, "use_mean_pooling": False, "norm_type": "rms_norm"},
        pooled=_cls,
        resampled=True,
    ),
    "InternVLVisionModel, mean of patches": Kind(
        "InternVLVisionModel",
        "InternVLVisionConfig",
        {"use_absolute_position_embeddings": True, "attention_bias": True},
        pooled=lambda out: out.last_hidden_state[:, 1:].mean(1),
        resampled=True,
    ),
    "RadioModel": Kind(
        "RadioModel",
        "RadioConfig",
        {"max_img_size": PATCH * 8, "summary_idxs": [0, 2], "num_registers": 2},
        pooled=lambda out: out.summary,
        resampled=True,
    ),
    "Tipsv2VisionModel": Kind(
        "Tipsv2VisionModel", "Tipsv2VisionConfig", {"num_register_tokens": 1}, resampled=True
    ),
    "MetaClip2ForImageClassification": Kind("MetaClip2ForImageClassification", "MetaClip2Config"),
    "MetaClip2VisionModel": Kind("MetaClip2VisionModel", "MetaClip2VisionConfig", resampled=True),
    "MetaClip2VisionModelWithProjection": Kind(
        "MetaClip2VisionModelWithProjection",
        "MetaClip2VisionConfig",
        {"projection_dim": 24},
        pooled=lambda out: out.image_embeds,
    ),
    "Dinov2Backbone": Kind(f"{_DINO}Backbone", f"{_DINO}Config", pooled=_map, resampled=True),
    "Dinov2Backbone, no final norm": Kind(
        f"{_DINO}Backbone", f"{_DINO}Config", {"apply_layernorm": False}, _map, resampled=True
    ),
    "Dinov2WithRegistersBackbone": Kind(
        f"{_REG}Backbone", f"{_REG}Config", pooled=_map, resampled=True
    ),
    "DINOv3ViTBackbone": Kind("DINOv3ViTBackbone", f"{_V3}Config", pooled=_map),
    "PixioBackbone": Kind("PixioBackbone", "PixioConfig", pooled=_map, resampled=True),
    "Tipsv2VisionBackbone": Kind(
        "Tipsv2VisionBackbone", "Tipsv2VisionConfig", pooled=_map, resampled=True
    ),
    "BeitBackbone": Kind("BeitBackbone", "BeitConfig", _RELATIVE, pooled=_map),
}
"""What a row of the table is called, and what it is."""

_WITH_TEXTS = ("CLIPConfig", "MetaClip2Config", "SiglipConfig", "Siglip2Config")
_ONLY_SQUARE = (
    *_WITH_TEXTS,
    "Aimv2VisionConfig",
    "CLIPVisionConfig",
    "MetaClip2VisionConfig",
    "SiglipVisionConfig",
)


def run_at(kind: str) -> tuple[int, int] | None:
    """(height, width) to run at where it is not the configuration's own."""
    return (PATCH * GRID[0], PATCH * GRID[1]) if KINDS[kind].resampled else None


def small(kind: str, **overrides: Any) -> nn.Module:
    """One of `KINDS`, with random weights."""
    import transformers

    of = KINDS[kind]
    square = of.resampled or of.config in _ONLY_SQUARE
    image_size = PATCH * SQUARE if square else tuple(PATCH * n for n in GRID)
    words = {**_SIZES, "image_size": image_size, **of.words, **overrides}
    if of.config in _WITH_TEXTS:
        text = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
        words = {"vision_config": words, "text_config": {**text, "intermediate_size": 64}}
    labels = {"num_labels": N_CLASSES} if "ForImage" in of.model else {}
    torch.manual_seed(0)
    config = getattr(transformers, of.config)(**words, **labels)
    return getattr(transformers, of.model)(config)


def forward(kind: str, model: nn.Module, pixels: Tensor) -> Tensor:
    """transformers' own logits; without a classifier, what one would read."""
    words = signature(model.forward).parameters
    if "spatial_shapes" in words:
        out = model(**packed(pixels))
    elif run_at(kind) and "interpolate_pos_encoding" in words:
        out = model(pixels, interpolate_pos_encoding=True)
    else:
        out = model(pixels)
    return out.logits if "logits" in out else KINDS[kind].pooled(out)


def packed(pixels: Tensor) -> dict[str, Tensor]:
    """Images as SigLIP 2's own processor gives them, here without padding."""
    from transformers.models.siglip2.image_processing_siglip2 import convert_image_to_patches

    patches = torch.stack([convert_image_to_patches(image, PATCH) for image in pixels])
    grid = [side // PATCH for side in pixels.shape[2:]]
    return {
        "pixel_values": patches,
        "pixel_attention_mask": torch.ones(patches.shape[:2], dtype=torch.int32),
        "spatial_shapes": torch.tensor([grid] * len(pixels)),
    }


REFUSED = ("SwinForImageClassification",)
"""Classes that look like ViTs and break an assumption."""


def refused(name: str) -> nn.Module:
    """One of `REFUSED`, as its configuration's defaults make it, without memory."""
    import transformers

    config = getattr(transformers, f"{name.removesuffix('ForImageClassification')}Config")()
    with torch.device("meta"):
        return getattr(transformers, name)(config)
