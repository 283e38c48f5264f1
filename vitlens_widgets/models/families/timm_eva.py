"""timm's `Eva`: EVA, EVA-02, DINOv3, Perception Encoder and other towers with rotary positions."""

from __future__ import annotations

import torch
from torch import Tensor

from vitlens_widgets.models.families.timm_vit import TimmViT
from vitlens_widgets.models.registry import register
from vitlens_widgets.models.score_parts import ScoreParts


@register("timm.models.eva.Eva")
class TimmEva(TimmViT):
    """A tower whose blocks may rotate queries and keys by the place of their patch."""

    @property
    def positions_in_blocks(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]  # nobody sets it
        """Whether queries and keys are rotated."""
        return self.model.rope is not None

    @property
    def _pools_prefix(self) -> bool:
        return self.model.global_pool == "map"  # its attention pooling reads every token

    def _fixed_size(self) -> tuple[int, int] | None:
        fixed = super()._fixed_size()
        if fixed is None and self.positions_in_blocks:
            # a block run alone knows how many tokens it has, but not in how many rows they stand
            return self.image_size
        return fixed

    def _rotation(self, layer: int) -> Tensor | None:
        """Sines and cosines per patch, as the model hands them to a block."""
        rope = self.model.rope
        if rope is None:
            return None
        if self.model.dynamic_img_size or not hasattr(rope, "feat_shape"):
            layout = self.layout()
            rotation = rope.get_embed(shape=[layout.rows, layout.cols])
        else:
            rotation = rope.get_embed()
        return rotation[layer] if getattr(self.model, "rope_mixed", False) else rotation

    def score_parts(self, layer: int, q: Tensor, k: Tensor) -> ScoreParts:
        """Scaled products of rotated queries and keys; see `Adapter.score_parts`."""
        rotation = self._rotation(layer)
        if rotation is not None:
            q, k = (self._rotated(layer, part, rotation) for part in (q, k))
        return super().score_parts(layer, q, k)

    def _rotated(self, layer: int, part: Tensor, rotation: Tensor) -> Tensor:
        """Patches of `[image, head, token, d_head]` rotated, prefix tokens as they are."""
        from timm.layers import apply_rot_embed_cat

        attn = self.blocks[layer].attn
        prefix, patches = part[:, :, : attn.num_prefix_tokens], part[:, :, attn.num_prefix_tokens :]
        half = getattr(attn, "rotate_half", False)
        return torch.cat([prefix, apply_rot_embed_cat(patches, rotation, half=half)], dim=2)

    def run_block(self, layer: int, state: Tensor) -> Tensor:
        """Run one block alone, `[image, token, d]` to the next state."""
        return self.blocks[layer](state, rope=self._rotation(layer))
