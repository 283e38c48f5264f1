"""transformers' DINOv2, with registers and without, and TIPSv2, which is built like it."""

from __future__ import annotations

import torch
from torch import Tensor

from vitlens_widgets.models.families.hf_vit import HFViT
from vitlens_widgets.models.foreign import Foreign
from vitlens_widgets.models.readout import CLS, CLS_AND_PATCHES
from vitlens_widgets.models.registry import register

_PLAIN = "transformers.models.dinov2.modeling_dinov2.Dinov2"
_REGISTERS = (
    "transformers.models.dinov2_with_registers.modeling_dinov2_with_registers.Dinov2WithRegisters"
)


@register(
    f"{_PLAIN}Model",
    f"{_PLAIN}ForImageClassification",
    f"{_REGISTERS}Model",
    f"{_REGISTERS}ForImageClassification",
    "transformers.models.tipsv2.modeling_tipsv2.Tipsv2VisionModel",
)
class HFDinov2(HFViT):
    """A DINOv2 or TIPSv2, whose classifier reads CLS beside the mean of the patches."""

    processor_class = "BitImageProcessor"
    follows_images = True

    def __init__(self, model: Foreign, image_size: tuple[int, int] | None = None) -> None:
        n_registers = getattr(model.config, "num_register_tokens", 0)
        self.prefix = ("CLS", *(f"register {i}" for i in range(1, n_registers + 1)))
        self._reads_patches = hasattr(model, "classifier")
        self.readout = CLS_AND_PATCHES if self._reads_patches else CLS
        super().__init__(model, image_size)

    def pool(self, normed: Tensor) -> Tensor:
        """CLS `[image, d]`; for a classifier, beside the mean of the patches `[image, 2 d]`."""
        cls = normed[:, 0]
        if not self._reads_patches:
            return cls
        return torch.cat([cls, normed[:, len(self.prefix) :].mean(1)], dim=1)

    def token_features(self, state: Tensor) -> Tensor:
        """Each token through the final norm, as if it were both CLS and every patch."""
        normed = self.norm(state)
        return torch.cat([normed, normed], dim=-1) if self._reads_patches else normed
