"""Small models with shaken weights, so that a term left out of a sum shows in the numbers."""

from __future__ import annotations

import timm
import torch
from torch import nn

from tests.mae_paper import sin_cos_positions

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


def mae_model(*, learned_positions: bool = False, **overrides: object) -> nn.Module:
    """A masked autoencoder of transformers with 6 x 6 patches of 8 pixels and three blocks.

    Args:
        learned_positions: Whether its positions are shaken too, so that no formula gives them.
        **overrides: Words of its configuration.
    """
    import transformers

    words = {
        "hidden_size": 48,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "intermediate_size": 96,
        "image_size": 48,
        "patch_size": 8,
        "decoder_hidden_size": 32,
        "decoder_num_hidden_layers": 2,
        "decoder_num_attention_heads": 2,
        "decoder_intermediate_size": 64,
    }
    torch.manual_seed(0)
    model = shaken(
        transformers.ViTMAEForPreTraining(transformers.ViTMAEConfig(**words | overrides))
    )
    return model if learned_positions else place(model)


def place(model: nn.Module) -> nn.Module:
    """The masked autoencoder with the fixed positions that the published ones have."""
    grid = model.config.image_size // model.config.patch_size
    for own in (model.vit.embeddings.position_embeddings, model.decoder.decoder_pos_embed):
        formula = torch.from_numpy(sin_cos_positions(grid, grid, own.shape[-1]))
        with torch.no_grad():
            own[0, 0], own[0, 1:] = 0, formula
    return model


def pixels_for(image_size: tuple[int, int], n_images: int = 2, seed: int = 1) -> torch.Tensor:
    """Random normalised pixels `[image, 3, height, width]`."""
    return torch.randn(n_images, 3, *image_size, generator=torch.Generator().manual_seed(seed))
