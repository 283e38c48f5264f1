"""transformers' backbones of families that are read: towers whose answer is a map of patches."""

from __future__ import annotations

from torch import Tensor, nn

from vitlens_widgets.models.adapter import require
from vitlens_widgets.models.families.hf_beit import HFBeit
from vitlens_widgets.models.families.hf_dinov2 import HFDinov2
from vitlens_widgets.models.families.hf_ijepa import HFPixio
from vitlens_widgets.models.families.hf_rotary import HFDinov3
from vitlens_widgets.models.families.hf_vit import HFViT
from vitlens_widgets.models.foreign import Foreign
from vitlens_widgets.models.readout import PATCHES
from vitlens_widgets.models.registry import register

_AT = "transformers.models."


class _Backbone(HFViT):
    """A tower whose last map is read by its mean: what a linear classifier on it would read."""

    def __init__(self, model: Foreign, image_size: tuple[int, int] | None = None) -> None:
        super().__init__(model, image_size)
        self.readout = PATCHES

    @property
    def norm(self) -> Foreign:
        """What the last map goes through: the final norm, or nothing."""
        return super().norm if self.config.apply_layernorm else nn.Identity()

    def pool(self, normed: Tensor) -> Tensor:
        """The mean of the patches, `[image, d]`."""
        return normed[:, len(self.prefix) :].mean(1)

    def token_features(self, state: Tensor) -> Tensor:
        """Each token through the final norm, `[image, token, d]`."""
        return self.norm(state)

    def pooled(self, pixels: Tensor) -> Tensor:
        """The mean of the last block's patches in the backbone's own run, `[image, d]`.

        Of its last block also where its maps are taken from earlier ones.
        """
        out = self.model(pixel_values=pixels, output_hidden_states=True)
        return self.pool(self.norm(out.hidden_states[-1]))


@register(
    f"{_AT}dinov2.modeling_dinov2.Dinov2Backbone",
    f"{_AT}dinov2_with_registers.modeling_dinov2_with_registers.Dinov2WithRegistersBackbone",
    f"{_AT}tipsv2.modeling_tipsv2.Tipsv2VisionBackbone",
)
class HFDinov2Backbone(_Backbone, HFDinov2):
    """A DINOv2 or TIPSv2 as a backbone."""


@register(f"{_AT}dinov3_vit.modeling_dinov3_vit.DINOv3ViTBackbone")
class HFDinov3Backbone(_Backbone, HFDinov3):
    """A DINOv3 as a backbone, whose last map is always normed."""

    @property
    def norm(self) -> Foreign:
        """The final norm."""
        return self.model.norm


@register(f"{_AT}pixio.modeling_pixio.PixioBackbone")
class HFPixioBackbone(_Backbone, HFPixio):
    """A Pixio as a backbone, with a final norm beside that of the model inside it."""

    @property
    def norm(self) -> Foreign:
        """What the last map goes through: the backbone's norm, or nothing."""
        return self.model.layernorm if self.config.apply_layernorm else nn.Identity()


@register(f"{_AT}beit.modeling_beit.BeitBackbone")
class HFBeitBackbone(_Backbone, HFBeit):
    """A BEiT as a backbone, whose maps go through no norm."""

    def __init__(self, model: Foreign, image_size: tuple[int, int] | None = None) -> None:
        own = "its maps must be the states of its patches"
        require(not model.config.add_fpn, model, own, "add_fpn resizes them by convolutions")
        super().__init__(model, image_size)

    @property
    def norm(self) -> Foreign:
        """Nothing."""
        return nn.Identity()
