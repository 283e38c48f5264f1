"""Facebook's own modules of DINO, DINOv2 and MAE's fine-tuning, known by how they are built.

The files are copied into many repositories under other names, so that no class name tells them.

Source: `vision_transformer.py` of facebookresearch/dino, `dinov2/models/vision_transformer.py` of
facebookresearch/dinov2, `models_vit.py` of facebookresearch/mae.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from vitlens_widgets.models.adapter import as_size
from vitlens_widgets.models.families.timm_vit import TimmViT
from vitlens_widgets.models.foreign import Foreign
from vitlens_widgets.models.plain import PlainViT
from vitlens_widgets.models.readout import CLS, PATCHES, Readout
from vitlens_widgets.models.registry import register_by_structure


def _has(model: Foreign, *names: str) -> bool:
    return all(hasattr(model, name) for name in names)


@register_by_structure(
    lambda model: (
        _has(model, "prepare_tokens", "patch_embed", "cls_token", "blocks", "norm")
        and not _has(model, "prepare_tokens_with_masks")
    )
)
class FacebookDino(PlainViT):
    """A DINO, which answers with CLS; its positions follow the image by themselves."""

    any_size = True

    @property
    def own_size(self) -> tuple[int, int]:
        """That of its embedding."""
        return as_size(self.model.patch_embed.img_size)

    @property
    def head(self) -> None:
        """None: the module's forward leaves its head to others."""
        return None


@register_by_structure(
    lambda model: _has(model, "prepare_tokens_with_masks", "chunked_blocks", "num_register_tokens")
)
class FacebookDinov2(FacebookDino):
    """A DINOv2, which answers with CLS."""

    def __init__(self, model: Foreign, image_size: tuple[int, int] | None = None) -> None:
        registers = range(1, model.num_register_tokens + 1)
        self.prefix = ("CLS", *(f"register {i}" for i in registers))
        self.at = {"attn": "ls1", "mlp": "ls2"}
        self.model = model
        if hasattr(self.blocks[0].mlp, "w12"):
            self.at = {**self.at, "mlp_in": "mlp.w12", "mlp_out": "mlp.w3"}
        super().__init__(model, image_size)

    @property
    def blocks(self) -> Sequence[Foreign]:
        """The transformer blocks, first to last, out of the chunks they may be kept in."""
        if not self.model.chunked_blocks:
            return self.model.blocks
        chunks = self.model.blocks
        return [block for chunk in chunks for block in chunk if not isinstance(block, nn.Identity)]


def _is_fine_tuned(model: Foreign) -> bool:
    """Whether it is timm's ViT with MAE's switch: CLS, or the mean of patches under a norm."""
    of_timm = any(cls.__module__ == "timm.models.vision_transformer" for cls in type(model).__mro__)
    return of_timm and isinstance(getattr(model, "global_pool", None), bool)


@register_by_structure(_is_fine_tuned)
class FacebookFineTuned(TimmViT):
    """A fine-tuned MAE: timm's blocks, of which CLS or the mean of the patches is normed."""

    def _check(self, model: Foreign) -> None:
        """Nothing beside what timm's embedding and blocks are checked for."""

    def _readout(self) -> Readout:
        return PATCHES if self.model.global_pool else CLS

    @property
    def n_features(self) -> int:
        """The width of CLS or of the patches' mean: that of its states."""
        return self.width

    def pooled(self, pixels: Tensor) -> Tensor:
        """What its own steps give the classifier, `[image, d]`."""
        return self.model.forward_features(pixels)

    def token_features(self, state: Tensor) -> Tensor:
        """Each token through the norm that the readout goes through, `[image, token, d]`."""
        return self.model.fc_norm(state) if self.model.global_pool else self.model.norm(state)

    def readout_features(self, state: Tensor) -> Tensor:
        """CLS, or the mean of the patches, through that norm: `[image, d]`."""
        patches = state[:, self.layout().n_prefix :]
        return self.token_features(patches.mean(1) if self.model.global_pool else state[:, 0])
