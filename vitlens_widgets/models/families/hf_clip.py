"""transformers' CLIP, MetaCLIP 2 and SigLIP: classifiers, towers alone, zero-shot by prompts."""

from __future__ import annotations

import inspect
from functools import partial
from typing import Any

from torch import Tensor, nn

from vitlens_widgets.models.families.hf_vit import HFViT
from vitlens_widgets.models.foreign import Foreign
from vitlens_widgets.models.hf_texts import HFTexts
from vitlens_widgets.models.readout import CLS, PATCHES, Readout
from vitlens_widgets.models.registry import register

_CLIP = "transformers.models.clip.modeling_clip.CLIP"
_METACLIP = "transformers.models.metaclip_2.modeling_metaclip_2.MetaClip2"
_SIGLIP = "transformers.models.siglip.modeling_siglip.Siglip"


class _Tower(HFViT):
    """The image tower of a model of images and texts."""

    def __init__(self, model: Foreign, image_size: tuple[int, int] | None = None) -> None:
        self.classifies = hasattr(model, "classifier")
        super().__init__(model, image_size)

    @property
    def config(self) -> Any:
        """The configuration of the tower."""
        return getattr(self.model.config, "vision_config", self.model.config)

    @property
    def tower(self) -> Foreign:
        """The image tower."""
        return getattr(self.model, "vision_model", self.model)

    def _block_words(self, layer: int) -> dict[str, Any]:
        parameters = list(inspect.signature(self.blocks[layer].forward).parameters.values())[1:]
        return {
            p.name: None for p in parameters if p.default is p.empty and p.kind is not p.VAR_KEYWORD
        }


@register(
    f"{_CLIP}VisionModel",
    f"{_CLIP}VisionModelWithProjection",
    f"{_CLIP}ForImageClassification",
    f"{_METACLIP}VisionModel",
    f"{_METACLIP}VisionModelWithProjection",
    f"{_METACLIP}ForImageClassification",
)
class HFClip(_Tower):
    """A CLIP or MetaCLIP 2: CLS, projected among the texts; its classifier reads patches' mean.

    That classifier reads patches as the last block left them: CLIP's final norm is for CLS alone.
    """

    processor_class = "CLIPImageProcessor"

    def __init__(self, model: Foreign, image_size: tuple[int, int] | None = None) -> None:
        super().__init__(model, image_size)
        self.readout = PATCHES if self.classifies else CLS

    def pool(self, normed: Tensor) -> Tensor:
        """The readout of the last state, which the tower gives without its final norm."""
        if self.classifies:
            return normed[:, 1:].mean(1)
        return self._embed(normed[:, 0])

    def _embed(self, tokens: Tensor) -> Tensor:
        """Final norm, and the projection among the texts where there is one."""
        project = getattr(self.model, "visual_projection", nn.Identity())
        return project(self.norm(tokens))

    def token_features(self, state: Tensor) -> Tensor:
        """Each token as the readout: as it is for the classifier, else normed and projected."""
        return state if self.classifies else self._embed(state)

    def normed(self, state: Tensor) -> Tensor:
        """Each token through the final norm; as it is where patches are read without one."""
        return state if self.classifies else self.norm(state)

    def readout_features(self, state: Tensor) -> Tensor:
        """The readout of a state, `[image, feature]`."""
        return self.pool(state)


@register(f"{_SIGLIP}VisionModel", f"{_SIGLIP}ForImageClassification")
class HFSiglip(_Tower):
    """A SigLIP: attention-pooled patches; its image classifier reads their mean."""

    prefix = ()
    processor_class = "SiglipImageProcessor"

    def __init__(self, model: Foreign, image_size: tuple[int, int] | None = None) -> None:
        super().__init__(model, image_size)
        self._attends = not self.classifies and getattr(self.tower, "use_head", False)
        self.readout = self._pooled_patches() if self._attends else PATCHES

    def pool(self, normed: Tensor) -> Tensor:
        """The readout of normed patches, `[image, feature]`."""
        return self.tower.head(normed) if self._attends else normed.mean(1)

    def token_features(self, state: Tensor) -> Tensor:
        """Each token as if it were the only one that is pooled, `[image, token, feature]`."""
        normed = self.norm(state)
        if not self._attends:
            return normed
        return self.tower.head(normed.flatten(0, 1).unsqueeze(1)).unflatten(0, state.shape[:2])

    def _pooled_patches(self) -> Readout:
        attention = partial(_probe_attention, self.norm, self.tower.head)
        return Readout("attention-pooled patches", attention=attention, direct=False)


def _probe_attention(norm: Foreign, pool: Foreign, state: Tensor) -> Tensor:
    """See `Readout.attention`."""
    normed, probe = norm(state), pool.probe.expand(len(state), -1, -1)
    return pool.attention(probe, normed, normed, average_attn_weights=False)[1][:, :, 0]


@register(f"{_CLIP}Model", f"{_METACLIP}Model")
class HFClipWithTexts(HFTexts, HFClip):
    """A CLIP or MetaCLIP 2 with its text tower, which classifies by prompts."""


@register(f"{_SIGLIP}Model")
class HFSiglipWithTexts(HFTexts, HFSiglip):
    """A SigLIP with its text tower, which classifies by prompts."""

    padding = "max_length"  # as it was trained
