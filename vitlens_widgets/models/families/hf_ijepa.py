"""transformers' I-JEPA, InternVL's image tower and Pixio: blocks of ViT under other readouts."""

from __future__ import annotations

from torch import Tensor, nn

from vitlens_widgets.models.families.hf_vit import HFViT
from vitlens_widgets.models.foreign import Foreign
from vitlens_widgets.models.readout import CLS, PATCHES, PREFIX
from vitlens_widgets.models.registry import register

_IJEPA = "transformers.models.ijepa.modeling_ijepa.IJepa"


@register(f"{_IJEPA}Model", f"{_IJEPA}ForImageClassification")
class HFIJepa(HFViT):
    """An I-JEPA: patches alone, of which the classifier reads the mean."""

    readout = PATCHES
    prefix = ()

    def pool(self, normed: Tensor) -> Tensor:
        """The mean of the patches, `[image, d]`."""
        return normed.mean(1)


@register("transformers.models.pixio.modeling_pixio.PixioModel")
class HFPixio(HFViT):
    """A Pixio, which pools the mean of its several CLS tokens."""

    readout = PREFIX
    processor_class = "BitImageProcessor"
    follows_images = True

    def __init__(self, model: Foreign, image_size: tuple[int, int] | None = None) -> None:
        self.prefix = tuple(f"CLS {i}" for i in range(1, model.config.n_cls_tokens + 1))
        super().__init__(model, image_size)

    def pool(self, normed: Tensor) -> Tensor:
        """The mean of the CLS tokens, `[image, d]`."""
        return normed[:, : len(self.prefix)].mean(1)


@register("transformers.models.internvl.modeling_internvl.InternVLVisionModel")
class HFInternVL(HFViT):
    """The image tower of InternVL: CLS, or the mean of the patches where there is no final norm."""

    processor_class = "GotOcr2ImageProcessor"
    follows_images = True
    processor_words = {"size": {"height": 448, "width": 448}}  # noqa: RUF012

    def __init__(self, model: Foreign, image_size: tuple[int, int] | None = None) -> None:
        self.readout = PATCHES if isinstance(model.layernorm, nn.Identity) else CLS
        super().__init__(model, image_size)

    def pool(self, normed: Tensor) -> Tensor:
        """What its configuration's `use_mean_pooling` says, `[image, d]`."""
        return normed[:, 1:].mean(1) if self.readout is PATCHES else normed[:, 0]
