"""transformers' towers that rotate queries and keys by the place of their token: DINOv3, MLCD."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from vitlens_widgets.models.families.hf_vit import HFViT
from vitlens_widgets.models.foreign import Foreign
from vitlens_widgets.models.hf_blocks import first_of
from vitlens_widgets.models.hook_points import HookPoint, HookPoints, split_heads
from vitlens_widgets.models.readout import CLS
from vitlens_widgets.models.registry import register
from vitlens_widgets.models.score_parts import ScoreParts


class HFRotary(HFViT):
    """A tower of transformers with rotary positions, which follow the image by themselves."""

    positions_in_blocks = True
    follows_images = True

    @abstractmethod
    def _rotation(self) -> tuple[Tensor, Tensor]:
        """Cosines and sines as the model hands them to its blocks, each `[token, d_head]`.

        Of the last tokens of the sequence; those before them are not rotated.
        """

    def score_parts(self, layer: int, q: Tensor, k: Tensor) -> ScoreParts:
        """Scaled products of rotated queries and keys; see `Adapter.score_parts`."""
        cos, sin = (part.to(q) for part in self._rotation())
        return super().score_parts(layer, _rotated(q, cos, sin), _rotated(k, cos, sin))

    def _block_words(self, layer: int) -> dict[str, Any]:  # noqa: ARG002
        return {"position_embeddings": self._rotation()}

    def _blank_pixels(self) -> Tensor:
        """An image of the size it runs at, whose values are read by nobody."""
        like = next(self.model.parameters())
        return like.new_empty(1, self.config.num_channels, *self.image_size)


def _rotated(part: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """The last tokens of `[image, head, token, d_head]` rotated in pairs of halves."""
    n_fixed = part.shape[-2] - len(cos)
    fixed, turned = part[..., :n_fixed, :], part[..., n_fixed:, :]
    first, second = turned.chunk(2, dim=-1)
    turned = turned * cos + torch.cat([-second, first], dim=-1) * sin
    return torch.cat([fixed, turned], dim=-2)


@register("transformers.models.dinov3_vit.modeling_dinov3_vit.DINOv3ViTModel")
class HFDinov3(HFRotary):
    """A DINOv3, of which CLS is read; only patches are rotated."""

    readout = CLS
    processor_class = "DINOv3ViTImageProcessor"

    def __init__(self, model: Foreign, image_size: tuple[int, int] | None = None) -> None:
        registers = range(1, model.config.num_register_tokens + 1)
        self.prefix = ("CLS", *(f"register {i}" for i in registers))
        super().__init__(model, image_size)

    @property
    def tower(self) -> Foreign:
        """The model itself, which calls its stack of blocks its `model`."""
        return self.model

    @property
    def norm(self) -> Foreign:
        """The final norm."""
        return self.model.norm

    @property
    def blocks(self) -> Sequence[Foreign]:
        """The transformer blocks, first to last."""
        return first_of(self.model, ("model.layer", "layer"))

    def _rotation(self) -> tuple[Tensor, Tensor]:
        """Of the patches; see `HFRotary._rotation`."""
        return self.model.rope_embeddings(self._blank_pixels())


@register("transformers.models.mlcd.modeling_mlcd.MLCDVisionModel")
class HFMlcd(HFRotary):
    """An MLCD, of which CLS is read; its final norm is for CLS alone, and CLS is rotated too."""

    processor_class = "CLIPImageProcessor"

    def _rotation(self) -> tuple[Tensor, Tensor]:
        """Of CLS, by angles that were learnt, and of the patches."""
        layout, own = self.layout(), self.tower.class_pos_emb
        rows, cols = (torch.arange(n, device=own.device) for n in layout.grid)
        places = torch.cartesian_prod(rows, cols).reshape(-1, 2)
        cos, sin = self.tower.vision_rotary_embedding(own, places)
        angles = torch.cat([own, own], dim=-1)
        return torch.cat([angles.cos(), cos]), torch.cat([angles.sin(), sin])

    def hook_points(self, layer: int) -> HookPoints:
        """See `Adapter.hook_points`; its attention projects `[token, image, d]`."""
        points, attn = super().hook_points(layer), self.blocks[layer].self_attn
        by_head = split_heads(self.n_heads)
        points["z"] = HookPoint(attn.out_proj, "input", lambda z: by_head(z.transpose(0, 1)))
        points["attn_out"] = HookPoint(attn, "output")
        return points

    def pool(self, normed: Tensor) -> Tensor:
        """CLS through the final norm, of a last state that the tower gives without it."""
        return self.norm(normed[:, 0])

    def readout_features(self, state: Tensor) -> Tensor:
        """CLS through the final norm, `[image, feature]`."""
        return self.pool(state)
