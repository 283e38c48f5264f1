"""`untrained`: the same architecture with random weights, the floor of every finding."""

from __future__ import annotations

import copy

import torch

from vitlens_widgets.errors import check_seed
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.models.patch_readout import ReadsPatches, own_adapter, reading_patches
from vitlens_widgets.trace.vit import ViT, check_vit


@clean
def untrained(vit: ViT, seed: int = 0) -> ViT:
    """A twin with fresh weights: what is there already is no achievement of training.

    Matrices are drawn as ViTs are initialised (truncated normal of deviation 0.02), biases are 0,
    norms and layer scales 1. Labels, image size and preprocessing are the original's, and so is a
    classifier that was given to it.

    Args:
        vit: The model; it is not changed.
        seed: Of the weights.

    Raises:
        UsageError: It is no model, or no seed.

    Source:
        Of the initialisation: timm's `VisionTransformer` (`weight_init=""`), which however draws
        the patch embedding as a convolution, CLS next to 0, and begins with small layer scales and
        small norms behind residual branches, by which blocks at first do next to nothing.

    Example:
        >>> vl.untrained(vl.load("toy/p32")).name
        'toy/p32 (random weights)'
    """
    check_vit(vit, "untrained")
    model = copy.deepcopy(vit.model)
    generator = torch.Generator().manual_seed(check_seed(seed))
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim > 1:
                drawn = torch.empty(weight.shape)
                torch.nn.init.trunc_normal_(drawn, std=0.02, generator=generator)
                weight.copy_(drawn)
            else:
                weight.fill_(float(not name.endswith("bias")))
    twin = copy.copy(vit)
    twin.model, twin.name = model, f"{vit.name} (random weights)"
    twin.paper = ""
    twin.adapter = type(own_adapter(vit.adapter))(model, vit.image_size)
    if isinstance(vit.adapter, ReadsPatches):
        twin.adapter = reading_patches(twin.adapter, vit.adapter.classifier, vit.adapter.patch_rule)
    else:
        twin.adapter.classifier = vit.adapter.classifier
    return twin
