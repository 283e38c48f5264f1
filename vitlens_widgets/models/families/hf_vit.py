"""transformers' ViT, DeiT and ViT-MSN, and what the other families share with them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from vitlens_widgets.errors import UsageError
from vitlens_widgets.kinds import is_tuple
from vitlens_widgets.models.adapter import Adapter, as_size, grid, require
from vitlens_widgets.models.families.timm_vit import distilled_token_logits
from vitlens_widgets.models.foreign import Foreign
from vitlens_widgets.models.hf_blocks import block_hook_points, first_of
from vitlens_widgets.models.hf_labels import hf_label_names
from vitlens_widgets.models.hf_processor import (
    at_size,
    from_hf_processor,
    of_one_channel,
    output_size,
    published_processor,
    saved_processor,
)
from vitlens_widgets.models.hook_points import HookPoints
from vitlens_widgets.models.layout import TokenLayout
from vitlens_widgets.models.preprocessing import Preprocessing
from vitlens_widgets.models.probabilities import Kind
from vitlens_widgets.models.readout import CLS, CLS_AND_DISTILLATION
from vitlens_widgets.models.registry import register

_VIT = "transformers.models.vit.modeling_vit."
_DEIT = "transformers.models.deit.modeling_deit."
_MSN = "transformers.models.vit_msn.modeling_vit_msn."


@register(
    f"{_VIT}ViTForImageClassification",
    f"{_VIT}ViTModel",
    f"{_MSN}ViTMSNForImageClassification",
    f"{_MSN}ViTMSNModel",
)
class HFViT(Adapter):
    """A ViT of transformers whose readout is CLS, with a classifier or without."""

    readout = CLS
    prefix: tuple[str, ...] = ("CLS",)
    processor_class = "ViTImageProcessor"
    follows_images = False
    """Whether its positions fit any image by themselves, so that its processor says the size."""

    processor_words: Mapping[str, Any] = {}  # where the family was published with other words

    def __init__(self, model: Foreign, image_size: tuple[int, int] | None = None) -> None:
        self.model = model
        if image_size is None and self.follows_images and self.n_channels == 3:
            image_size = output_size(self._saved_processor)
        super().__init__(model, image_size)

    @property
    def n_channels(self) -> int:
        """What its configuration says."""
        return self.config.num_channels

    @cached_property
    def _saved_processor(self) -> Any:
        return saved_processor(self.model.config)

    @property
    def own_size(self) -> tuple[int, int]:
        """What its configuration says."""
        return as_size(self.config.image_size)

    @property
    def config(self) -> Any:
        """The configuration of the tower."""
        return self.model.config

    @property
    def tower(self) -> Foreign:
        """The model without its classifier."""
        return self.model.base_model

    @property
    def norm(self) -> Foreign:
        """The final norm."""
        return first_of(self.tower, ("layernorm", "post_layernorm"))

    @property
    def blocks(self) -> Sequence[Foreign]:
        """The transformer blocks, first to last."""
        return first_of(self.tower, ("layers", "encoder.layer", "encoder.layers"))

    @property
    def n_heads(self) -> int:
        """Attention heads per block."""
        return self.config.num_attention_heads

    @property
    def width(self) -> int:
        """The width d of the residual stream."""
        return self.config.hidden_size

    def layout(self, image_size: tuple[int, int] | None = None) -> TokenLayout:
        """The token layout at an image size; see `Adapter.layout`."""
        size = self.image_size if image_size is None else as_size(image_size)
        rows, cols = grid(size, as_size(self.config.patch_size))
        if size != self.image_size:
            raise UsageError(
                f"This model was loaded for images of {self.image_size[0]} x {self.image_size[1]} "
                f"pixels, not {size[0]} x {size[1]}; load it with image_size={size}."
            )
        self._size_words(self.model)
        return TokenLayout(rows, cols, self.prefix)

    def _size_words(self, module: Foreign) -> dict[str, bool]:
        """What a module's forward must be told to run at an image size that is not its own."""
        if self.follows_images or self.image_size == self.own_size:
            return {}
        if not _accepts(module.forward, "interpolate_pos_encoding"):
            raise UsageError(
                f"This {type(module).__name__} runs only at its own image size, "
                f"{self.own_size[0]} x {self.own_size[1]}."
            )
        return {"interpolate_pos_encoding": True}

    def hook_points(self, layer: int) -> HookPoints:
        """Where each of `HOOKED_SITES` shows in block `layer`."""
        return block_hook_points(self.blocks[layer], self.n_heads)

    def answer(self, pixels: Tensor) -> Tensor:
        """The model's own answer, `[image, class]`."""
        return self.model(pixel_values=pixels, **self._size_words(self.model)).logits

    def run_block(self, layer: int, state: Tensor) -> Tensor:
        """Run one block alone, `[image, token, d]` to the next state."""
        out = self.blocks[layer](state, **self._block_words(layer))
        return out[0] if is_tuple(out) else out  # a tuple before transformers 5

    def _block_words(self, layer: int) -> dict[str, Any]:  # noqa: ARG002
        """What a block is told beside its state."""
        return {}

    def pooled(self, pixels: Tensor) -> Tensor:
        """The readout's features of what the tower's own code gives, `[image, feature]`."""
        out = self.tower(pixel_values=pixels, **self._size_words(self.tower))
        return self.pool(out.last_hidden_state)

    def pool(self, normed: Tensor) -> Tensor:
        """The readout of what the tower gives: `[image, token, d] -> [image, feature]`."""
        return normed[:, 0]

    def token_features(self, state: Tensor) -> Tensor:
        """Each token through the final norm, `[image, token, d]`."""
        return self.norm(state)

    def normed(self, state: Tensor) -> Tensor:
        """Each token through the final norm alone, `[image, token, d]`."""
        return self.norm(state)

    def readout_features(self, state: Tensor) -> Tensor:
        """The readout through the final norm, `[image, feature]`."""
        return self.pool(self.norm(state))

    @property
    def head(self) -> Foreign:
        """The classifier; None without one."""
        own = getattr(self.model, "classifier", None)
        return None if isinstance(own, nn.Identity) else own

    @property
    def probabilities(self) -> Kind:
        """What its configuration says that it was trained for; see `Adapter.probabilities`."""
        problem = getattr(self.model.config, "problem_type", None)
        if self.classifier is not None or self.head is None or problem is None:
            return super().probabilities
        require(
            problem != "regression",
            self.model,
            "what its classifier gives must be class logits, but its configuration says "
            'problem_type="regression" (without its classifier it can be read: vl.load('
            "model.base_model); if these are logits, say probabilities=)",
        )
        return "sigmoid" if problem.startswith("multi_label") else super().probabilities

    def preprocessing(self) -> Preprocessing:
        """The image processor saved with the checkpoint; the family's published one without it."""
        processor = self._saved_processor
        if processor is None:
            published = (self.processor_class, self.processor_words)
            processor = published_processor(self.model.config, published)
        if self.n_channels == 1:
            processor = of_one_channel(processor)
        return from_hf_processor(at_size(processor, self.image_size))

    def checkpoint_name(self) -> str:
        """The id or the folder it was loaded from."""
        return Path(getattr(self.model.config, "_name_or_path", "")).name

    def label_names(self) -> Sequence[str] | str | None:
        """`id2label` in class order; None where transformers only numbered the classes."""
        if self.classifier is not None:
            return None
        return hf_label_names(self.model.config)


@register(f"{_DEIT}DeiTForImageClassification", f"{_DEIT}DeiTModel")
class HFDeiT(HFViT):
    """A DeiT of transformers, whose classifier reads CLS; its distillation token is unread."""

    prefix = ("CLS", "distillation")
    processor_class = "DeiTImageProcessor"


@register(f"{_DEIT}DeiTForImageClassificationWithTeacher")
class HFDeiTWithTeacher(HFDeiT):
    """A DeiT of transformers, whose answer is the mean of two classifiers."""

    readout = CLS_AND_DISTILLATION

    def pool(self, normed: Tensor) -> Tensor:
        """The mean of both prefix tokens, for a classifier that the user gives."""
        return normed[:, :2].mean(1)

    def token_logits(self, state: Tensor) -> Tensor:
        """Each token through the classifier that reads it, patches through the mean of both."""
        if self.classifier is not None:
            return super().token_logits(state)
        model, normed = self.model, self.norm(state)
        return distilled_token_logits(normed, model.cls_classifier, model.distillation_classifier)

    def readout_logits(self, state: Tensor) -> Tensor:
        """The mean of the two classifiers' answers, `[image, class]`."""
        if self.classifier is not None:
            return super().readout_logits(state)
        normed = self.norm(state[:, :2])
        by_cls = self.model.cls_classifier(normed[:, 0])
        return (by_cls + self.model.distillation_classifier(normed[:, 1])) / 2

    @property
    def head(self) -> Foreign:
        """The classifier of CLS; None without one."""
        own = self.model.cls_classifier
        return None if isinstance(own, nn.Identity) else own


def _accepts(call: Any, word: str) -> bool:
    """Whether a function takes a keyword, by name or among any others."""
    parameters = inspect.signature(call).parameters.values()
    return any(p.name == word or p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters)
