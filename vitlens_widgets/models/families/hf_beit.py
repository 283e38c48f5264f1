"""transformers' BEiT and Data2Vec-vision: scores with a bias by the distance of two patches."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from vitlens_widgets.models.families.hf_vit import HFViT
from vitlens_widgets.models.foreign import Foreign
from vitlens_widgets.models.readout import CLS, PATCHES
from vitlens_widgets.models.registry import register
from vitlens_widgets.models.score_parts import ScoreParts

_BEIT = "transformers.models.beit.modeling_beit.Beit"
_DATA2VEC = "transformers.models.data2vec.modeling_data2vec_vision.Data2VecVision"

# Where a block, and the tower, keep their bias: BEiT from transformers 5.10 on first.
_OWN_BIAS = ("relative_position_bias", "attention.attention.relative_position_bias")
_COMMON_BIAS = ("shared_position_bias", "encoder.relative_position_bias")


@register(
    f"{_BEIT}Model",
    f"{_BEIT}ForImageClassification",
    f"{_DATA2VEC}Model",
    f"{_DATA2VEC}ForImageClassification",
)
class HFBeit(HFViT):
    """A BEiT or Data2Vec-vision, whose classifier reads CLS or the normed mean of the patches."""

    processor_class = "BeitImageProcessor"
    follows_images = True

    def __init__(self, model: Foreign, image_size: tuple[int, int] | None = None) -> None:
        super().__init__(model, image_size)
        self.readout = PATCHES if self.config.use_mean_pooling else CLS

    @property
    def positions_in_blocks(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]  # nobody sets it
        """Whether there is a bias."""
        return bool(self._biases(0))

    def _bias(self, parent: Foreign, places: tuple[str, str]) -> Tensor | None:
        """The bias that one of these places gives at this image size, `[1, head, query, key]`."""
        modules = dict(parent.named_modules())
        found = next((modules[place] for place in places if place in modules), None)
        if found is None:
            return None
        layout = self.layout()
        return found((layout.rows, layout.cols), False, dim_size=layout.n_tokens)

    def _biases(self, layer: int) -> list[Tensor]:
        own = self._bias(self.blocks[layer], _OWN_BIAS)
        common = self._bias(self.tower, _COMMON_BIAS)
        return [bias for bias in (own, common) if bias is not None]

    def score_parts(self, layer: int, q: Tensor, k: Tensor) -> ScoreParts:
        """Scaled products of queries and keys, and the biases; see `Adapter.score_parts`."""
        return super().score_parts(layer, q, k)._replace(biases=tuple(self._biases(layer)))

    def _block_words(self, layer: int) -> dict[str, Any]:
        common = self._bias(self.tower, _COMMON_BIAS)
        word = "attention_mask" if hasattr(self.blocks[layer], "mlp") else "relative_position_bias"
        return {word: common, "resolution": self.image_size}

    def pool(self, normed: Tensor) -> Tensor:
        """CLS, or the normed mean of the patches, `[image, d]`."""
        if not self.config.use_mean_pooling:
            return normed[:, 0]
        return self._pooler_norm(normed[:, 1:].mean(1))

    def token_features(self, state: Tensor) -> Tensor:
        """Each token through the norm that the readout goes through, `[image, token, d]`."""
        normed = self.norm(state)
        return self._pooler_norm(normed) if self.config.use_mean_pooling else normed

    def normed(self, state: Tensor) -> Tensor:
        """As `token_features`: the norm after the mean is the final one."""
        return self.token_features(state)

    @property
    def _pooler_norm(self) -> Foreign:
        """The norm after the mean; a tower saved without its pooler has none."""
        pooler = self.tower.pooler
        return nn.Identity() if pooler is None else pooler.layernorm
