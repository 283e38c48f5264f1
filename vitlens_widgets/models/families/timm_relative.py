"""timm's ViTs whose attention scores get a bias by the distance of two patches."""

from __future__ import annotations

from torch import Tensor

from vitlens_widgets.models.families.timm_vit import TimmViT
from vitlens_widgets.models.registry import register
from vitlens_widgets.models.score_parts import ScoreParts


@register("timm.models.beit.Beit")
class TimmBeit(TimmViT):
    """BEiT and BEiT v2: a bias per block, one common to all blocks, or none."""

    @property
    def positions_in_blocks(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]  # nobody sets it
        """Whether there is a bias."""
        return self._common_bias() is not None or self._bias(0) is not None

    def _common_bias(self) -> Tensor | None:
        common = self.model.rel_pos_bias
        return None if common is None else common()

    def _bias(self, layer: int) -> Tensor | None:
        attn = self.blocks[layer].attn
        return None if attn.relative_position_bias_table is None else attn._get_rel_pos_bias()

    def score_parts(self, layer: int, q: Tensor, k: Tensor) -> ScoreParts:
        """Scaled products of queries and keys, and the biases; see `Adapter.score_parts`."""
        biases = (self._bias(layer), self._common_bias())
        given = tuple(bias for bias in biases if bias is not None)
        return super().score_parts(layer, q, k)._replace(biases=given)

    def run_block(self, layer: int, state: Tensor) -> Tensor:
        """Run one block alone, `[image, token, d]` to the next state."""
        return self.blocks[layer](state, shared_rel_pos_bias=self._common_bias())


@register("timm.models.vision_transformer_relpos.VisionTransformerRelPos")
class TimmRelPos(TimmBeit):
    """A ViT without position embeddings: a table or an MLP of distances gives the biases."""

    def _common_bias(self) -> Tensor | None:
        common = self.model.shared_rel_pos
        return None if common is None else common.get_bias()

    def _bias(self, layer: int) -> Tensor | None:
        rel_pos = self.blocks[layer].attn.rel_pos
        return None if rel_pos is None else rel_pos.get_bias()

    def run_block(self, layer: int, state: Tensor) -> Tensor:
        """Run one block alone, `[image, token, d]` to the next state."""
        return self.blocks[layer](state, shared_rel_pos=self._common_bias())
