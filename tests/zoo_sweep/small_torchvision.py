"""torchvision's `VisionTransformer`, small, with what its constructor can vary."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

N_CLASSES = 11
KINDS: dict[str, dict[str, Any]] = {
    "torchvision VisionTransformer": {},
    "torchvision VisionTransformer, two layers before its classes": {"representation_size": 20},
    "torchvision VisionTransformer, no classifier": {},
}
"""What a row of the table is called, and words of the constructor."""


def small(kind: str) -> nn.Module:
    """One of `KINDS`, with random weights."""
    from torchvision.models import VisionTransformer

    torch.manual_seed(0)
    sizes = {"image_size": 32, "patch_size": 8, "hidden_dim": 48, "mlp_dim": 96}
    depth = {"num_layers": 2, "num_heads": 4, "num_classes": N_CLASSES}
    model = VisionTransformer(**sizes, **depth, **KINDS[kind])
    if "no classifier" in kind:
        model.heads = nn.Identity()
    return model


def forward(model: nn.Module, pixels: Tensor) -> Tensor:
    """torchvision's own answer."""
    return model(pixels)
