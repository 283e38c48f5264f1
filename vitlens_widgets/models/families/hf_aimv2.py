"""transformers' AIMv2: patches alone, pooled by attention or by their mean."""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import Tensor

from vitlens_widgets.models.families.hf_vit import HFViT
from vitlens_widgets.models.foreign import Foreign
from vitlens_widgets.models.readout import PATCHES, Readout
from vitlens_widgets.models.registry import register


@register("transformers.models.aimv2.modeling_aimv2.Aimv2VisionModel")
class HFAimv2(HFViT):
    """The image tower of AIMv2; without its pooling head, a classifier reads the mean."""

    prefix = ()
    processor_class = "CLIPImageProcessor"

    def __init__(self, model: Foreign, image_size: tuple[int, int] | None = None) -> None:
        self.follows_images = bool(model.config.is_native)  # its positions come from a formula
        super().__init__(model, image_size)
        pooled = Readout(
            "attention-pooled patches", attention=partial(_attention, self.model), direct=False
        )
        self.readout = pooled if self._attends else PATCHES

    @property
    def _attends(self) -> bool:
        return bool(self.model.use_head)

    @property
    def tower(self) -> Foreign:
        """The model itself."""
        return self.model

    @property
    def norm(self) -> Foreign:
        """The final norm."""
        return self.model.rms_norm

    @property
    def head(self) -> None:
        """No classifier; what the model calls its head pools."""
        return None

    def pool(self, normed: Tensor) -> Tensor:
        """The readout of normed patches, `[image, feature]`."""
        return self.model.head(normed) if self._attends else normed.mean(1)

    def token_features(self, state: Tensor) -> Tensor:
        """Each token as if it were the only one that is pooled, `[image, token, feature]`."""
        normed = self.norm(state)
        if not self._attends:
            return normed
        return self.model.head(normed.flatten(0, 1).unsqueeze(1)).unflatten(0, state.shape[:2])


def _attention(model: Foreign, state: Tensor) -> Tensor:
    """See `Readout.attention`."""
    pool = model.head
    by_head: Any = (pool.num_heads, -1)
    keys = pool.k_proj(model.rms_norm(state)).unflatten(-1, by_head)
    query = pool.cls_token[0, 0].unflatten(-1, by_head)
    scores = (keys * query).sum(-1) * query.shape[-1] ** -0.5
    return scores.softmax(1).transpose(1, 2)
