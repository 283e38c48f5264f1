"""Small models with shaken weights, so that a term left out of a sum shows in the numbers."""

from __future__ import annotations

import timm
import torch
from torch import nn

TIMM = {
    "CLS": ("vit_tiny_patch16_224", {"img_size": (48, 80)}),
    "mean of patches": ("vit_base_patch16_gap_224", {"img_size": (80, 48)}),
    "mean of patches, norm before": (
        "vit_tiny_patch16_224",
        {"img_size": (48, 64), "global_pool": "avg", "class_token": False, "fc_norm": False},
    ),
    "mean of all tokens": (
        "vit_tiny_patch16_224",
        {"img_size": (48, 64), "global_pool": "avg", "pool_include_prefix": True},
    ),
    "distillation": ("deit_tiny_distilled_patch16_224", {"img_size": (64, 48)}),
    "four registers and layer scale": ("vit_small_patch14_reg4_dinov2", {"img_size": (56, 84)}),
    "deit3": ("deit3_small_patch16_224", {"img_size": (48, 96)}),
    "qk-norm": ("vit_tiny_patch16_224", {"img_size": (64, 48), "qk_norm": True}),
    "scaled attention and MLP norms": (
        "vit_tiny_patch16_224",
        {"img_size": (32, 48), "scale_attn_norm": True, "scale_mlp_norm": True},
    ),
    "no qkv bias": ("vit_base_patch16_224_miil", {"img_size": (32, 48)}),
    "pre-norm tower": ("vit_base_patch32_clip_224", {"img_size": (96, 64)}),
    "dynamic image size": ("vit_tiny_patch16_224", {"dynamic_img_size": True}),
}
"""What is special about a timm model: its name and arguments."""


def shaken(model: nn.Module, seed: int = 0) -> nn.Module:
    """The model in eval mode, every weight (norms, biases, layer scales too) moved at random."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.05 * torch.randn(weight.shape, generator=generator))
    return model.eval()


def timm_model(special: str, **overrides: object) -> nn.Module:
    """One of `TIMM`, three blocks deep, with 11 classes."""
    name, args = TIMM[special]
    torch.manual_seed(0)
    args = {"depth": 3, "num_classes": 11, "embed_dim": 48, "num_heads": 4, **args, **overrides}
    return shaken(timm.create_model(name, **args))


def hf_model(kind: str = "ViTForImageClassification", **overrides: object) -> nn.Module:
    """A transformers ViT or DeiT with a non-square grid, three blocks, 11 named classes."""
    import transformers

    config_class = transformers.DeiTConfig if "DeiT" in kind else transformers.ViTConfig
    words = {
        "hidden_size": 48,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "intermediate_size": 96,
        "image_size": (48, 80),
        "patch_size": 16,
        "id2label": {i: f"thing {i}" for i in range(11)},
        "label2id": {f"thing {i}": i for i in range(11)},
    }
    torch.manual_seed(0)
    return shaken(getattr(transformers, kind)(config_class(**{**words, **overrides})))


def pixels_for(image_size: tuple[int, int], n_images: int = 2, seed: int = 1) -> torch.Tensor:
    """Random normalised pixels `[image, 3, height, width]`."""
    return torch.randn(n_images, 3, *image_size, generator=torch.Generator().manual_seed(seed))
