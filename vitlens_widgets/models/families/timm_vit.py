"""timm's `VisionTransformer` and what it shares with its kin: readouts, names, preprocessing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, cast

from torch import Tensor, nn

from vitlens_widgets.errors import UsageError
from vitlens_widgets.models.adapter import Adapter, as_size, grid, require
from vitlens_widgets.models.foreign import Foreign
from vitlens_widgets.models.grey import of_one
from vitlens_widgets.models.hook_points import HookPoints
from vitlens_widgets.models.layout import TokenLayout
from vitlens_widgets.models.preprocessing import Preprocessing, from_timm_config
from vitlens_widgets.models.readout import (
    ALL_TOKENS,
    CLS,
    CLS_AND_DISTILLATION,
    PATCHES,
    Readout,
)
from vitlens_widgets.models.registry import register
from vitlens_widgets.models.score_parts import ScoreParts
from vitlens_widgets.models.timm_blocks import read_block
from vitlens_widgets.models.timm_pooling import latent_attention

_READOUTS = {
    "token": "CLS",
    "avg": "mean of {tokens}",
    "max": "maximum over {tokens}",
    "avgmax": "mean and maximum of {tokens}",
    "map": "attention-pooled {tokens}",
    "prr": "refined {refined}",
    "": "nothing",
}
_POOLING = (
    'load it by name with a readout and a classifier for it, such as global_pool="avg", '
    "classifier=(weight, bias)"
)


@register("timm.models.vision_transformer.VisionTransformer")
class TimmViT(Adapter):
    """A ViT of timm: any readout, prefix, norm, block, attention and MLP, any grid."""

    def __init__(self, model: Foreign, image_size: tuple[int, int] | None = None) -> None:
        self.model = model
        self._check(model)
        super().__init__(model, image_size)
        self.readout = self._readout()

    def _readout(self) -> Readout:
        kind, pool = self.model.global_pool, getattr(self.model, "attn_pool", None)
        if kind == "token":
            return CLS
        if kind == "avg":
            return ALL_TOKENS if self._pools_prefix else PATCHES
        refined = getattr(pool, "pool", "token")
        name = _READOUTS[kind].format(
            tokens="all tokens" if self._pools_prefix else "patches",
            refined="CLS" if refined == "token" else "mean of all tokens",
        )
        start = 0 if self._pools_prefix else self.model.num_prefix_tokens
        attends = kind == "map" and pool is not None
        attention = partial(_pool_attention, self.model, start) if attends else None
        return Readout(name, attention=attention, direct=kind not in ("map", "prr"))

    def _check(self, model: Foreign) -> None:
        pools = model.global_pool in _READOUTS and (model.global_pool or not _has_head(model))
        readouts = ", ".join(filter(None, _READOUTS))
        require(
            pools,
            model,
            f"its readout must be one of {readouts}",
            f"global_pool is {model.global_pool!r}",
        )
        placed = getattr(getattr(model, "attn_pool", None), "pos_embed", None)
        alone = "its attention pooling must read a token the same wherever it stands"
        require(placed is None, model, alone, "it adds position embeddings of its own")

    @property
    def _patches(self) -> Foreign:
        """What cuts an image into patches."""
        return self.model.patch_embed

    @property
    def n_channels(self) -> int:
        """How many channels its first convolution reads."""
        parts = self._patches.modules()
        return next(part for part in parts if isinstance(part, nn.Conv2d)).in_channels

    @property
    def _pools_prefix(self) -> bool:
        """Whether pooling includes the prefix tokens."""
        return bool(getattr(self.model, "pool_include_prefix", False))

    @property
    def own_size(self) -> tuple[int, int]:
        """That of its embedding."""
        return as_size(self.model.patch_embed.img_size)

    @property
    def blocks(self) -> Sequence[Foreign]:
        """The transformer blocks, first to last."""
        return self.model.blocks

    @property
    def n_heads(self) -> int:
        """Attention heads per block."""
        return read_block(self.blocks[0]).n_heads

    @property
    def width(self) -> int:
        """The width d of the residual stream."""
        return self.model.embed_dim

    def layout(self, image_size: tuple[int, int] | None = None) -> TokenLayout:
        """The token layout at an image size; see `Adapter.layout`."""
        size = self.image_size if image_size is None else as_size(image_size)
        rows, cols = grid(size, as_size(self._patches.feat_ratio(as_scalar=False)))
        fixed = self._fixed_size()
        if fixed is not None and size != fixed:
            raise UsageError(
                f"This model reads images of {fixed[0]} x {fixed[1]} pixels, not "
                f"{size[0]} x {size[1]}; load it by name with image_size={size}."
            )
        return TokenLayout(rows, cols, self._prefix())

    def _fixed_size(self) -> tuple[int, int] | None:
        """The one image size that the model takes, if it takes one only."""
        dynamic = getattr(self.model, "dynamic_img_size", False)
        return None if dynamic else tuple(self.model.patch_embed.img_size)

    def _prefix(self) -> tuple[str, ...]:
        cls = ["CLS"] if self._has_cls() else []
        n_registers = self.model.num_prefix_tokens - len(cls)
        return (*cls, *(f"register {i}" for i in range(1, n_registers + 1)))

    def _has_cls(self) -> bool:
        return self.model.cls_token is not None

    def hook_points(self, layer: int) -> HookPoints:
        """Where each of `HOOKED_SITES` shows in block `layer`."""
        return read_block(self.blocks[layer]).hook_points

    def score_parts(self, layer: int, q: Tensor, k: Tensor) -> ScoreParts:
        """Scaled products of queries and keys; see `Adapter.score_parts`."""
        return ScoreParts(q, k, read_block(self.blocks[layer]).scale)

    def pooled(self, pixels: Tensor) -> Tensor:
        """What timm's own code gives the classifier, `[image, d]`."""
        return self.model.forward_head(self.model.forward_features(pixels), pre_logits=True)

    def token_features(self, state: Tensor) -> Tensor:
        """Each token through the final norm, `[image, token, d]`.

        With attention pooling, each token is pooled as if it were the only one: all heads attend
        to it, and it goes through the pooling's values, projection and MLP like the readout.
        """
        normed = self.model.norm(state)
        if self._attends:
            alone = self.model.attn_pool(normed.flatten(0, 1).unsqueeze(1))
            normed = alone.unflatten(0, state.shape[:2])
        return self.model.fc_norm(normed)

    def normed(self, state: Tensor) -> Tensor:
        """Each token through the final norm alone, `[image, token, d]`; not pooled by attention."""
        return self.model.norm(state) if self._attends else self.token_features(state)

    @property
    def _attends(self) -> bool:
        """Whether it pools by attention."""
        return getattr(self.model, "attn_pool", None) is not None

    def readout_features(self, state: Tensor) -> Tensor:
        """What timm's own head makes of a state before its classifier, `[image, d]`."""
        return self.model.forward_head(self.model.norm(state), pre_logits=True)

    @property
    def n_features(self) -> int:
        """The width of what the model pools for a classifier.

        Raises:
            UsageError: It pools nothing.
        """
        if not self.model.global_pool:
            raise UsageError(f"This {type(self.model).__name__} pools nothing: {_POOLING}.")
        return super().n_features

    @property
    def classifier_advice(self) -> str:
        """How a user gives this model a classifier."""
        return super().classifier_advice if self.model.global_pool else _POOLING

    @property
    def head(self) -> Foreign:
        """The classifier; None without one."""
        return self.model.head if _has_head(self.model) else None

    def preprocessing(self) -> Preprocessing:
        """timm's evaluation transform for this model."""
        from timm import data

        config = cast("dict[str, Any]", data.resolve_model_data_config(self.model))
        if self.n_channels == 1:
            config = of_one(config)
        return from_timm_config(config, self.image_size)

    def checkpoint_name(self) -> str:
        """The architecture's name in timm; whether its weights were loaded, no module says."""
        return self._config.get("architecture", "")

    def label_names(self) -> Sequence[str] | str | None:
        """The names in the checkpoint's configuration, else timm's guess from their number."""
        from timm import data

        if self.classifier is not None:
            return None
        named = self._config.get("label_set") or self._config.get("label_names")
        return named or data.infer_imagenet_subset({"num_classes": self.n_classes})

    @property
    def _config(self) -> Mapping[str, Any]:
        return getattr(self.model, "pretrained_cfg", None) or {}


@register("timm.models.deit.VisionTransformerDistilled")
class TimmDistilledViT(TimmViT):
    """A DeiT with a distillation token, whose answer is the mean of two classifiers."""

    def __init__(self, model: Foreign, image_size: tuple[int, int] | None = None) -> None:
        super().__init__(model, image_size)
        self.readout = CLS_AND_DISTILLATION

    def _prefix(self) -> tuple[str, ...]:
        return ("CLS", "distillation")

    def token_logits(self, state: Tensor) -> Tensor:
        """Each token through final norm and the classifier that reads it, `[image, token, class]`.

        CLS through `head`, the distillation token through `head_dist`, patches (which neither
        reads) through the mean of both, as in the model's answer.
        """
        if self.classifier is not None:
            return super().token_logits(state)
        normed = self.model.norm(state)
        return distilled_token_logits(normed, self.model.head, self.model.head_dist)

    def readout_logits(self, state: Tensor) -> Tensor:
        """The mean of the two classifiers' answers, `[image, class]`."""
        if self.classifier is not None:
            return super().readout_logits(state)
        return self.model.forward_head(self.model.norm(state))


def distilled_token_logits(normed: Tensor, head: nn.Module, head_dist: nn.Module) -> Tensor:
    """Tokens `[image, token, d]` with CLS and distillation first, `[image, token, class]`."""
    by_cls, by_dist = head(normed), head_dist(normed)
    logits = (by_cls + by_dist) / 2
    logits[:, 0], logits[:, 1] = by_cls[:, 0], by_dist[:, 1]
    return logits


def _pool_attention(model: Foreign, start: int, state: Tensor) -> Tensor:
    """See `Readout.attention`; the tokens before `start` are not pooled."""
    weights = latent_attention(model.attn_pool, model.norm(state)[:, start:])
    return nn.functional.pad(weights, (start, 0))


def _has_head(model: Foreign) -> bool:
    return not isinstance(model.head, nn.Identity)
