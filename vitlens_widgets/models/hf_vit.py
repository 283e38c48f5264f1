"""transformers' ViT and DeiT classifiers, in the module layouts of transformers 4 and 5."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from torch import Tensor, nn

from vitlens_widgets.errors import UsageError
from vitlens_widgets.models.adapter import Adapter, grid, register, require
from vitlens_widgets.models.hf_processor import from_hf_processor, hf_processor
from vitlens_widgets.models.layout import TokenLayout
from vitlens_widgets.models.preprocessing import Preprocessing
from vitlens_widgets.models.sites import Tap, split_heads
from vitlens_widgets.models.timm_vit import distilled_token_logits

# Where a block keeps each of its parts: transformers >= 5.10 first, before that second.
_PARTS = {
    "q": ("attention.q_proj", "attention.attention.query"),
    "k": ("attention.k_proj", "attention.attention.key"),
    "v": ("attention.v_proj", "attention.attention.value"),
    "attn_proj": ("attention.o_proj", "attention.output.dense"),
    "norm2": ("layernorm_after",),
    "mlp_in": ("mlp.fc1", "intermediate.dense"),
    "mlp_out": ("mlp.fc2", "output.dense"),
}


@register("transformers.models.vit.modeling_vit.ViTForImageClassification")
class HFViT(Adapter):
    """A ViT of transformers, whose classifier reads CLS."""

    library = "transformers"
    readout_name = "CLS"
    prefix: tuple[str, ...] = ("CLS",)
    processor_class = "ViTImageProcessor"

    def __init__(self, model: nn.Module, image_size: tuple[int, int] | None = None) -> None:
        self._own_size = _pair(model.config.image_size)
        super().__init__(model, image_size or self._own_size)
        channels = model.config.num_channels
        rgb = "the image must have 3 channels (RGB)"
        require(channels == 3, model, rgb, f"its configuration says {channels}")
        for role in _PARTS:
            self._part(0, role)

    @property
    def _encoder(self) -> nn.Module:
        return self.model.base_model

    @property
    def blocks(self) -> Sequence[nn.Module]:
        """The transformer blocks, first to last."""
        return _first_of(self.model, self._encoder, ("layers", "encoder.layer"))

    def _part(self, layer: int, role: str) -> nn.Module:
        return _first_of(self.model, self.blocks[layer], _PARTS[role])

    @property
    def n_heads(self) -> int:
        """Attention heads per block."""
        return self.model.config.num_attention_heads

    @property
    def width(self) -> int:
        """The width d of the residual stream."""
        return self.model.config.hidden_size

    def layout(self, image_size: tuple[int, int] | None = None) -> TokenLayout:
        """The token layout at an image size; see `Adapter.layout`."""
        size = self.image_size if image_size is None else tuple(image_size)
        if size != self.image_size:
            raise UsageError(
                f"This model was loaded for images of {self.image_size[0]} x {self.image_size[1]} "
                f"pixels, not {size[0]} x {size[1]}; load it with image_size={size}."
            )
        return TokenLayout(*grid(size, _pair(self.model.config.patch_size)), self.prefix)

    def taps(self, layer: int) -> dict[str, Tap]:
        """Where each of `TAPPED_SITES` shows in block `layer`."""
        block = self.blocks[layer]
        by_head = split_heads(self.n_heads)
        part = {role: self._part(layer, role) for role in _PARTS}
        return {
            "resid_pre": Tap(block, "input"),
            "q": Tap(part["q"], "output", by_head),
            "k": Tap(part["k"], "output", by_head),
            "v": Tap(part["v"], "output", by_head),
            "z": Tap(part["attn_proj"], "input", by_head),
            "attn_out": Tap(part["attn_proj"], "output"),
            "resid_mid": Tap(part["norm2"], "input"),
            "mlp_pre": Tap(part["mlp_in"], "output"),
            "mlp_post": Tap(part["mlp_out"], "input"),
            "mlp_out": Tap(part["mlp_out"], "output"),
            "resid_post": Tap(block, "output"),
        }

    def attention_scores(self, layer: int, q: Tensor, k: Tensor) -> Tensor:  # noqa: ARG002
        """Products of queries and keys over the root of a head's width."""
        return q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5

    def forward(self, pixels: Tensor) -> Tensor:
        """The model's own answer, `[image, class]`."""
        interpolate = self.image_size != self._own_size
        return self.model(pixel_values=pixels, interpolate_pos_encoding=interpolate).logits

    def run_block(self, layer: int, state: Tensor) -> Tensor:
        """Run one block alone, `[image, token, d]` to the next state."""
        out = self.blocks[layer](state)
        return out[0] if isinstance(out, tuple) else out  # a tuple before transformers 5

    def token_logits(self, state: Tensor) -> Tensor:
        """Each token through final norm and classifier, `[image, token, class]`."""
        return self.model.classifier(self._encoder.layernorm(state))

    def readout_logits(self, state: Tensor) -> Tensor:
        """CLS through final norm and classifier, `[image, class]`."""
        return self.model.classifier(self._encoder.layernorm(state[:, 0]))

    @property
    def has_classifier(self) -> bool:
        """Whether the model answers with classes."""
        return not isinstance(self.model.classifier, nn.Identity)

    def preprocessing(self) -> Preprocessing:
        """The image processor saved with the checkpoint; the family's published one without it."""
        return from_hf_processor(
            hf_processor(self.model.config, self.processor_class, self.image_size)
        )

    def checkpoint_name(self) -> str:
        """The id or the folder it was loaded from."""
        return Path(getattr(self.model.config, "_name_or_path", "")).name

    def label_names(self) -> Sequence[str] | str | None:
        """`id2label` in class order; None where transformers only numbered the classes."""
        names = [self.model.config.id2label[i] for i in range(self.model.config.num_labels)]
        numbered = all(name == f"LABEL_{i}" for i, name in enumerate(names))
        return None if numbered else names


@register("transformers.models.deit.modeling_deit.DeiTForImageClassification")
class HFDeiT(HFViT):
    """A DeiT of transformers, whose classifier reads CLS; its distillation token is unread."""

    prefix = ("CLS", "distillation")
    processor_class = "DeiTImageProcessor"


@register("transformers.models.deit.modeling_deit.DeiTForImageClassificationWithTeacher")
class HFDeiTWithTeacher(HFDeiT):
    """A DeiT of transformers, whose answer is the mean of two classifiers."""

    readout_name = "CLS + distillation"

    def token_logits(self, state: Tensor) -> Tensor:
        """Each token through the classifier that reads it, patches through the mean of both."""
        normed = self._encoder.layernorm(state)
        model = self.model
        return distilled_token_logits(normed, model.cls_classifier, model.distillation_classifier)

    def readout_logits(self, state: Tensor) -> Tensor:
        """The mean of the two classifiers' answers, `[image, class]`."""
        normed = self._encoder.layernorm(state[:, :2])
        by_cls = self.model.cls_classifier(normed[:, 0])
        return (by_cls + self.model.distillation_classifier(normed[:, 1])) / 2

    @property
    def has_classifier(self) -> bool:
        """Whether the model answers with classes."""
        return not isinstance(self.model.cls_classifier, nn.Identity)


def _pair(value: int | Iterable[int]) -> tuple[int, int]:
    return tuple(value) if isinstance(value, Iterable) else (value, value)


def _first_of(model: nn.Module, parent: nn.Module, paths: Iterable[str]) -> nn.Module:
    for path in paths:
        try:
            return parent.get_submodule(path)
        except AttributeError:
            continue
    where = f"{type(parent).__name__} must have {' or '.join(paths)}"
    require(False, model, where, "it has neither")
    raise AssertionError("unreachable")
