"""A transformer block without an MLP, for attention-only models."""

from __future__ import annotations

from typing import Any

import torch
from timm.models.vision_transformer import Block


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
