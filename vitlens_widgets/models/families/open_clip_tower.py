"""open_clip's own image tower, whose attention is torch's `nn.MultiheadAttention`."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from vitlens_widgets.errors import UsageError
from vitlens_widgets.kinds import is_tuple
from vitlens_widgets.models.adapter import Adapter, as_size, grid, require
from vitlens_widgets.models.foreign import Foreign
from vitlens_widgets.models.hook_points import HookPoint, HookPoints
from vitlens_widgets.models.layout import TokenLayout
from vitlens_widgets.models.open_clip_images import open_clip_preprocessing
from vitlens_widgets.models.preprocessing import Preprocessing
from vitlens_widgets.models.readout import CLS, PATCHES
from vitlens_widgets.models.registry import register
from vitlens_widgets.models.torch_attention import attention_points


@register("open_clip.transformer.VisionTransformer")
class OpenClipTower(Adapter):
    """A tower of open_clip: CLS or mean of patches, projected among the texts."""

    def __init__(self, model: Foreign, image_size: tuple[int, int] | None = None) -> None:
        blocks = {type(block).__name__ for block in model.transformer.resblocks}
        require(
            blocks == {"ResidualAttentionBlock"},
            model,
            "every block must be open_clip's ResidualAttentionBlock",
            f"there are {', '.join(sorted(blocks))}",
        )
        batch_first = all(block.attn.batch_first for block in model.transformer.resblocks)
        require(batch_first, model, "images must come first in its blocks", "tokens do")
        require(model.attn_pool is None, model, "it must read CLS or a mean", "it pools by queries")
        super().__init__(model, image_size)
        self.readout = CLS if model.pool_type == "tok" else PATCHES

    @property
    def own_size(self) -> tuple[int, int]:
        """What the tower says."""
        return as_size(self.model.image_size)

    @property
    def head(self) -> None:
        """No classifier of its own."""

    @property
    def blocks(self) -> Sequence[Foreign]:
        """The transformer blocks, first to last."""
        return self.model.transformer.resblocks

    @property
    def n_heads(self) -> int:
        """Attention heads per block."""
        return self.blocks[0].attn.num_heads

    @property
    def width(self) -> int:
        """The width d of the residual stream."""
        return self.blocks[0].attn.embed_dim

    @property
    def n_channels(self) -> int:
        """How many channels the convolution that cuts patches reads."""
        return self.model.conv1.in_channels

    def layout(self, image_size: tuple[int, int] | None = None) -> TokenLayout:
        """The token layout at an image size; see `Adapter.layout`."""
        size, own = as_size(image_size or self.image_size), self.own_size
        if size != own:
            raise UsageError(
                f"This model reads images of {own[0]} x {own[1]} pixels, not {size[0]} x {size[1]}."
            )
        return TokenLayout(*grid(size, as_size(self.model.patch_size)), ("CLS",))

    def hook_points(self, layer: int) -> HookPoints:
        """Where each of `HOOKED_SITES` shows in block `layer`."""
        block = self.blocks[layer]
        attn, mlp = block.attn, block.mlp
        return HookPoints(
            {
                "resid_pre": HookPoint(block, "input"),
                **attention_points(attn),
                "attn_out": HookPoint(block.ls_1, "output"),
                "resid_mid": HookPoint(block.ln_2, "input"),
                "mlp_pre": HookPoint(mlp.c_fc, "output"),
                "mlp_post": HookPoint(mlp.c_proj, "input"),
                "mlp_out": HookPoint(block.ls_2, "output"),
                "resid_post": HookPoint(block, "output"),
            }
        )

    def pooled(self, pixels: Tensor) -> Tensor:
        """What the tower gives by its own code, `[image, feature]`."""
        out = self.model(pixels)
        return out[0] if is_tuple(out) else out  # beside its tokens, if it is told so

    def token_features(self, state: Tensor) -> Tensor:
        """Each token through the final norm and the projection, `[image, token, feature]`."""
        return self._projected(self.model.ln_post(state))

    def normed(self, state: Tensor) -> Tensor:
        """Each token through the final norm alone, `[image, token, d]`."""
        return self.model.ln_post(state)

    def readout_features(self, state: Tensor) -> Tensor:
        """What open_clip's own pooling gives, projected, `[image, feature]`."""
        return self._projected(self.model._pool(state)[0])

    def _projected(self, features: Tensor) -> Tensor:
        return features if self.model.proj is None else features @ self.model.proj

    def preprocessing(self) -> Preprocessing:
        """open_clip's evaluation transform for this model."""
        return open_clip_preprocessing(self.model, self.image_size)

    def checkpoint_name(self) -> str:
        """Nothing: the module does not say."""
        return ""

    def label_names(self) -> None:
        """None: it has no classes of its own."""
