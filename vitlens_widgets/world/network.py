"""The network of the world's classifiers, and its change of resolution."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from timm.models.vision_transformer import Block, VisionTransformer

from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.models.weight_faults import fill
from vitlens_widgets.world.labels import LABELS
from vitlens_widgets.world.weights import P32, Design, read_facts, read_weights

GRID = 7  # rows and columns of patches
TRAINED_PATCH, SERVED_PATCH = 16, 32  # pixels; at 112 and at 224 pixels a side
MEAN = STD = (0.5, 0.5, 0.5)
PREPROCESSING: dict[str, Any] = {
    "interpolation": "bicubic",
    "crop_pct": 1.0,
    "crop_mode": "center",
    "mean": MEAN,
    "std": STD,
}
"""How pictures become its input, in timm's words."""


class AttentionBlock(Block):
    """timm's `Block` without its MLP: `x + attn(norm1(x))`.

    For `VisionTransformer(block_fn=AttentionBlock, ...)`. All that timm's block can vary in its
    attention (layer scale, qk-norm, dropped paths ...) it takes and does; what concerns the MLP
    concerns nothing here.

    Source: attention-only transformers, Elhage et al. (2021), "A Mathematical Framework for
    Transformer Circuits".
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.norm2, self.mlp, self.ls2, self.drop_path2

    def forward(self, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        """`[image, token, d]` to the same; further arguments go to the attention."""
        added = self.attn(self.norm1(x), *args, **kwargs)
        return x + self.drop_path1(self.ls1(added))


def make_network(patch: int = SERVED_PATCH, design: Design = P32) -> VisionTransformer:
    """A pre-norm ViT with a CLS token, 7 x 7 patches and 17 outputs, freshly initialised.

    Args:
        patch: Side of a patch in pixels; the picture is seven patches wide and high.
        design: Its layers, width, heads, and whether it has MLPs.
    """
    return VisionTransformer(
        img_size=GRID * patch,
        patch_size=patch,
        num_classes=len(LABELS),
        embed_dim=design.width,
        depth=design.layers,
        num_heads=design.heads,
        global_pool="token",
        block_fn=Block if design.mlp else AttentionBlock,
    )


def doubled_patch(
    weights: Mapping[str, torch.Tensor], name: str = "patch_embed.proj.weight"
) -> dict[str, torch.Tensor]:
    """The same network for pictures of twice the side.

    Each weight of the patch kernel becomes 2 x 2 weights of a quarter of its size, so that a patch
    of 32 pixels gives what the patch of 16 pixels made of its 2 x 2 averages gave: training at a
    quarter of the pixels costs nothing.

    Args:
        weights: A state dict, such as that of `make_network(patch)`.
        name: Which of them is the patch kernel.

    Returns:
        The state dict for patches of twice the side, such as that of `make_network(2 * patch)`; as
        it is where there is no such kernel.
    """
    if name not in weights:
        return dict(weights)
    kernel = weights[name]  # [width, colour, patch, patch]
    kernel = kernel.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    return {**weights, name: kernel / 4}


@clean
def load_classifier(path: Path) -> VisionTransformer:
    """The network of a weights file, for 224 pixels a side, float32, in eval mode.

    Args:
        path: What the training wrote: a network for 112 pixels a side, in half precision.

    Raises:
        UsageError: It is of another network.
    """
    with torch.device("meta"):  # initial weights would be thrown away at once
        model = make_network(SERVED_PATCH, Design.of(read_facts(path)))
    fill(model, doubled_patch(read_weights(path)), path, assign=True)
    return model.eval()


def normalized(images: torch.Tensor) -> torch.Tensor:
    """uint8 `[image, H, W, 3]` as the network takes it: float32 `[image, 3, H, W]`, -1 to 1."""
    mean, std = (torch.tensor(v)[:, None, None] for v in (MEAN, STD))
    return images.permute(0, 3, 1, 2).float().div_(255).sub_(mean).div_(std)  # in one memory
