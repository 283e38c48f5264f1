"""torchvision's `VisionTransformer`."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from timm.data.constants import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from torch import Tensor, nn

from vitlens_widgets.errors import UsageError, warn
from vitlens_widgets.models.adapter import Adapter, as_size, grid, require
from vitlens_widgets.models.foreign import Foreign
from vitlens_widgets.models.hook_points import HookPoint, HookPoints
from vitlens_widgets.models.layout import TokenLayout
from vitlens_widgets.models.preprocessing import DEFAULTS, Preprocessing, from_timm_config
from vitlens_widgets.models.readout import CLS
from vitlens_widgets.models.registry import register
from vitlens_widgets.models.torch_attention import attention_points


@register("torchvision.models.vision_transformer.VisionTransformer")
class TorchvisionViT(Adapter):
    """A ViT of torchvision, whose classifier, of one layer or two, reads CLS."""

    readout = CLS

    def __init__(self, model: Foreign, image_size: tuple[int, int] | None = None) -> None:
        kinds = {type(block).__name__ for block in model.encoder.layers}
        only = "every block must be torchvision's EncoderBlock"
        require(kinds == {"EncoderBlock"}, model, only, f"there are {', '.join(sorted(kinds))}")
        super().__init__(model, image_size)

    @property
    def own_size(self) -> tuple[int, int]:
        """What the model says."""
        return as_size(self.model.image_size)

    @property
    def blocks(self) -> Sequence[Foreign]:
        """The transformer blocks, first to last."""
        return self.model.encoder.layers

    @property
    def n_heads(self) -> int:
        """Attention heads per block."""
        return self.blocks[0].self_attention.num_heads

    @property
    def width(self) -> int:
        """The width d of the residual stream."""
        return self.model.hidden_dim

    @property
    def n_channels(self) -> int:
        """How many channels its first convolution reads."""
        parts = self.model.conv_proj.modules()
        return next(part for part in parts if isinstance(part, nn.Conv2d)).in_channels

    def layout(self, image_size: tuple[int, int] | None = None) -> TokenLayout:
        """The token layout at an image size; see `Adapter.layout`."""
        size, own = as_size(image_size or self.image_size), self.own_size
        if size != own:
            raise UsageError(
                f"This model reads images of {own[0]} x {own[1]} pixels, not {size[0]} x "
                f"{size[1]}; build it with image_size= and torchvision's interpolate_embeddings."
            )
        return TokenLayout(*grid(size, as_size(self.model.patch_size)), ("CLS",))

    def hook_points(self, layer: int) -> HookPoints:
        """Where each of `HOOKED_SITES` shows in block `layer`."""
        block = self.blocks[layer]
        mlp_in, _, _, mlp_out, _ = block.mlp
        return HookPoints(
            {
                "resid_pre": HookPoint(block, "input"),
                **attention_points(block.self_attention),
                "attn_out": HookPoint(block.self_attention, "output"),
                "resid_mid": HookPoint(block.ln_2, "input"),
                "mlp_pre": HookPoint(mlp_in, "output"),
                "mlp_post": HookPoint(mlp_out, "input"),
                "mlp_out": HookPoint(block.mlp, "output"),
                "resid_post": HookPoint(block, "output"),
            }
        )

    def pooled(self, pixels: Tensor) -> Tensor:
        """What torchvision's own steps give the last linear layer, `[image, feature]`."""
        patches = self.model._process_input(pixels)
        cls = self.model.class_token.expand(len(patches), -1, -1)
        return self._before_head(self.model.encoder(torch.cat([cls, patches], dim=1))[:, 0])

    def token_features(self, state: Tensor) -> Tensor:
        """Each token through the final norm and what stands before the classifier."""
        return self._before_head(self.model.encoder.ln(state))

    def normed(self, state: Tensor) -> Tensor:
        """Each token through the final norm alone, `[image, token, d]`."""
        return self.model.encoder.ln(state)

    def readout_features(self, state: Tensor) -> Tensor:
        """CLS likewise, `[image, feature]`."""
        return self._before_head(self.model.encoder.ln(state[:, 0]))

    def _before_head(self, normed: Tensor) -> Tensor:
        """All of its classifier's layers but the last; all of what replaced its classifier."""
        for layer in self._heads[:-1]:
            normed = layer(normed)
        return normed

    @property
    def _heads(self) -> list[Foreign]:
        heads = self.model.heads
        return list(heads) if isinstance(heads, nn.Sequential) else [heads]

    @property
    def head(self) -> Foreign:
        """The last layer of its classifier; None where the user put nothing in its place."""
        last = self._heads[-1] if self._heads else None
        return None if isinstance(last, nn.Identity) else last

    def preprocessing(self) -> Preprocessing:
        """That of torchvision's weights for this size, which its modules do not keep.

        256 to 224 pixels, bilinear, for weights trained from scratch (`IMAGENET1K_V1`); from 384
        pixels on nothing is cut off, bicubic, as with all weights of those sizes (SWAG).
        """
        swag = min(self.own_size) >= 384
        shrunk = {"crop_pct": 1.0} if swag else {"crop_pct": 224 / 256, "interpolation": "bilinear"}
        words = {**DEFAULTS, "mean": IMAGENET_DEFAULT_MEAN, "std": IMAGENET_DEFAULT_STD, **shrunk}
        warn(
            "A module of torchvision does not say how its images were prepared; assuming "
            f"crop_pct {words['crop_pct']:g}, {words['interpolation']}, ImageNet's mean and std. "
            "Say preprocessing= to vl.load if its weights say otherwise."
        )
        return from_timm_config(words, self.image_size)

    def checkpoint_name(self) -> str:
        """Nothing: the module does not say."""
        return ""

    def label_names(self) -> str | None:
        """ImageNet's, where there are 1,000 classes."""
        return "imagenet-1k" if self.classifier is None and self.n_classes == 1000 else None
