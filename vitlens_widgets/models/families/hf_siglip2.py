"""transformers' SigLIP 2 of any image size (NaFlex), on images of one size: no padding."""

from __future__ import annotations

from math import isqrt
from typing import Any

import torch
from torch import Tensor

from vitlens_widgets.models.families.hf_clip import HFSiglip
from vitlens_widgets.models.foreign import Foreign
from vitlens_widgets.models.hf_texts import HFTexts
from vitlens_widgets.models.preprocessing import DEFAULTS, Preprocessing, from_timm_config
from vitlens_widgets.models.registry import register

_SIGLIP2 = "transformers.models.siglip2.modeling_siglip2.Siglip2"


@register(f"{_SIGLIP2}VisionModel", f"{_SIGLIP2}ForImageClassification")
class HFSiglip2(HFSiglip):
    """A SigLIP 2, given every patch of ordinary images that all have one size."""

    @property
    def own_size(self) -> tuple[int, int]:
        """The square whose patches have position embeddings of their own."""
        side = isqrt(self.config.num_patches) * self.config.patch_size
        return side, side

    def _size_words(self, module: Foreign) -> dict[str, Any]:  # noqa: ARG002
        return {}  # its position embeddings follow the grid by themselves

    def _inputs(self, pixels: Tensor) -> dict[str, Any]:
        """Images `[image, 3, height, width]` as the words of its forward: patches, and the grid."""
        layout, side = self.layout(), self.config.patch_size
        across = torch.unflatten(pixels, 3, (layout.cols, side))
        cut = torch.unflatten(across, 2, (layout.rows, side))
        patches = cut.permute(0, 2, 4, 3, 5, 1).flatten(3).flatten(1, 2)  # colours last
        grids = torch.tensor([layout.grid] * len(pixels), device=pixels.device)
        words = {"pixel_attention_mask": None, "spatial_shapes": grids}
        return {"pixel_values": patches, **words}

    def answer(self, pixels: Tensor) -> Tensor:
        """The model's own answer, `[image, class]`."""
        return self.model(**self._inputs(pixels)).logits

    def pooled(self, pixels: Tensor) -> Tensor:
        """The readout's features of what the tower's own code gives, `[image, feature]`."""
        return self.pool(self.tower(**self._inputs(pixels)).last_hidden_state)

    def preprocessing(self) -> Preprocessing:
        """Its processor's resizing and norms, but to one size: other shapes are squashed.

        The processor itself gives every image a grid of its own shape.
        """
        half = (0.5, 0.5, 0.5)
        words = {"crop_pct": 1.0, "crop_mode": "squash", "interpolation": "bilinear"}
        return from_timm_config({**DEFAULTS, **words, "mean": half, "std": half}, self.image_size)


@register(f"{_SIGLIP2}Model")
class HFSiglip2WithTexts(HFTexts, HFSiglip2):
    """A SigLIP 2 with its text tower, which classifies by prompts."""

    padding = "max_length"  # as it was trained
