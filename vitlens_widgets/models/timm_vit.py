"""timm's `VisionTransformer` and `VisionTransformerDistilled` (ViT, DeiT and their kin)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from torch import Tensor, nn

from vitlens_widgets.errors import UsageError
from vitlens_widgets.models.adapter import Adapter, grid, register, require
from vitlens_widgets.models.layout import TokenLayout
from vitlens_widgets.models.preprocessing import Preprocessing, from_timm_config
from vitlens_widgets.models.sites import Tap, heads_after_tokens, split_heads

_READOUTS = {
    "token": "CLS",
    "avg": "mean of patches",
    "max": "maximum over patches",
    "avgmax": "mean and maximum of patches",
}


@register("timm.models.vision_transformer.VisionTransformer")
class TimmViT(Adapter):
    """A pre-norm ViT of timm: CLS or pooled readout, registers, layer scale, qk-norm, any grid."""

    library = "timm"

    def __init__(self, model: nn.Module, image_size: tuple[int, int] | None = None) -> None:
        _check_parts(model)
        super().__init__(model, image_size or model.patch_embed.img_size)
        pooled_over = "all tokens" if model.pool_include_prefix else "patches"
        self.readout_name = _READOUTS[model.global_pool].replace("patches", pooled_over)

    @property
    def blocks(self) -> Sequence[nn.Module]:
        """The transformer blocks, first to last."""
        return self.model.blocks

    @property
    def n_heads(self) -> int:
        """Attention heads per block."""
        return self.blocks[0].attn.num_heads

    @property
    def width(self) -> int:
        """The width d of the residual stream."""
        return self.model.embed_dim

    def layout(self, image_size: tuple[int, int] | None = None) -> TokenLayout:
        """The token layout at an image size; see `Adapter.layout`."""
        size = self.image_size if image_size is None else tuple(image_size)
        embed = self.model.patch_embed
        if not self.model.dynamic_img_size and size != tuple(embed.img_size):
            raise UsageError(
                f"This model reads images of {embed.img_size[0]} x {embed.img_size[1]} pixels, not "
                f"{size[0]} x {size[1]}; load it by name with image_size={size}."
            )
        rows, cols = grid(size, tuple(embed.patch_size))
        return TokenLayout(rows, cols, self._prefix())

    def _prefix(self) -> tuple[str, ...]:
        registers = [f"register {i}" for i in range(1, self.model.num_reg_tokens + 1)]
        return (*(["CLS"] if self.model.has_class_token else []), *registers)

    def taps(self, layer: int) -> dict[str, Tap]:
        """Where each of `TAPPED_SITES` shows in block `layer`."""
        block = self.blocks[layer]
        attn, mlp = block.attn, block.mlp
        return {
            "resid_pre": Tap(block, "input"),
            "q": Tap(attn.q_norm, "output", heads_after_tokens),
            "k": Tap(attn.k_norm, "output", heads_after_tokens),
            "v": Tap(attn.qkv, "output", partial(_values, n_heads=attn.num_heads)),
            "z": Tap(attn.norm, "input", split_heads(attn.num_heads)),
            "attn_out": Tap(block.drop_path1, "output"),
            "resid_mid": Tap(block.norm2, "input"),
            "mlp_pre": Tap(mlp.fc1, "output"),
            "mlp_post": Tap(mlp.act, "output"),
            "mlp_out": Tap(block.drop_path2, "output"),
            "resid_post": Tap(block, "output"),
        }

    def attention_scores(self, layer: int, q: Tensor, k: Tensor) -> Tensor:
        """Scaled products of queries and keys; see `Adapter.attention_scores`."""
        return q @ k.transpose(-1, -2) * self.blocks[layer].attn.scale

    def forward(self, pixels: Tensor) -> Tensor:
        """The model's own answer, `[image, class]`."""
        return self.model(pixels)

    def run_block(self, layer: int, state: Tensor) -> Tensor:
        """Run one block alone, `[image, token, d]` to the next state."""
        return self.blocks[layer](state)

    def token_logits(self, state: Tensor) -> Tensor:
        """Each token through final norm and classifier, `[image, token, class]`."""
        return self.model.head(self.model.fc_norm(self.model.norm(state)))

    def readout_logits(self, state: Tensor) -> Tensor:
        """The model's own head on a state, `[image, class]`."""
        return self.model.forward_head(self.model.norm(state))

    @property
    def has_classifier(self) -> bool:
        """Whether the model answers with classes."""
        return not isinstance(self.model.head, nn.Identity)

    def preprocessing(self) -> Preprocessing:
        """timm's evaluation transform for this model."""
        from timm.data import resolve_model_data_config

        return from_timm_config(resolve_model_data_config(self.model), self.image_size)

    def checkpoint_name(self) -> str:
        """The architecture's name in timm, with the tag of its weights."""
        config = self._config
        return ".".join(filter(None, (config.get("architecture"), config.get("tag"))))

    def label_names(self) -> Sequence[str] | str | None:
        """The names in the checkpoint's configuration, else timm's guess from their number."""
        from timm.data import infer_imagenet_subset

        named = self._config.get("label_names")
        return named or infer_imagenet_subset({"num_classes": self.n_classes})

    @property
    def _config(self) -> Mapping[str, Any]:
        return getattr(self.model, "pretrained_cfg", None) or {}


@register("timm.models.deit.VisionTransformerDistilled")
class TimmDistilledViT(TimmViT):
    """A DeiT with a distillation token, whose answer is the mean of two classifiers."""

    def __init__(self, model: nn.Module, image_size: tuple[int, int] | None = None) -> None:
        super().__init__(model, image_size)
        self.readout_name = "CLS + distillation"

    def _prefix(self) -> tuple[str, ...]:
        return ("CLS", "distillation")

    def token_logits(self, state: Tensor) -> Tensor:
        """Each token through final norm and the classifier that reads it, `[image, token, class]`.

        CLS through `head`, the distillation token through `head_dist`, patches (which neither
        reads) through the mean of both, as in the model's answer.
        """
        normed = self.model.norm(state)
        return distilled_token_logits(normed, self.model.head, self.model.head_dist)


def distilled_token_logits(normed: Tensor, head: nn.Module, head_dist: nn.Module) -> Tensor:
    """Tokens `[image, token, d]` with CLS and distillation first, `[image, token, class]`."""
    by_cls, by_dist = head(normed), head_dist(normed)
    logits = (by_cls + by_dist) / 2
    logits[:, 0], logits[:, 1] = by_cls[:, 0], by_dist[:, 1]
    return logits


def _values(qkv: Tensor, n_heads: int) -> Tensor:
    """The values in a fused projection `[image, token, 3 * head * d_head]`."""
    return qkv.unflatten(-1, (3, n_heads, -1))[:, :, 2]


def _check_parts(model: nn.Module) -> None:
    """Refuse the variants whose parts are not the ones read above."""
    channels = getattr(model.patch_embed.proj, "in_channels", "something else")
    rgb = "the image must have 3 channels (RGB)"
    require(channels == 3, model, rgb, f"its patch embedding reads {channels}")
    require(
        model.global_pool in _READOUTS,
        model,
        f"its readout must be one of {', '.join(_READOUTS)}",
        f"global_pool is {model.global_pool!r}",
    )
    for part, expected in (("attn", "Attention"), ("mlp", "Mlp")):
        kinds = {type(getattr(block, part, None)).__name__ for block in model.blocks}
        require(
            kinds == {expected},
            model,
            f"every block's {part} must be timm's {expected}",
            f"it is {', '.join(sorted(kinds))}",
        )
    blocks = {type(block).__name__ for block in model.blocks}
    require(
        blocks == {"Block"},
        model,
        "every block must be timm's pre-norm Block",
        f"it is {', '.join(sorted(blocks))}",
    )
    gated = any(getattr(block.attn, "gate", None) is not None for block in model.blocks)
    require(not gated, model, "attention must not be gated", "it is")
