"""open_clip's models of images and texts: a tower of its own or of timm, and a text tower."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from torch import Tensor

from vitlens_widgets.errors import UsageError
from vitlens_widgets.models.adapter import Adapter
from vitlens_widgets.models.foreign import Foreign
from vitlens_widgets.models.hook_points import HookPoints
from vitlens_widgets.models.layout import TokenLayout
from vitlens_widgets.models.open_clip_images import open_clip_preprocessing
from vitlens_widgets.models.open_clip_library import n_tokens, tokenizer_of
from vitlens_widgets.models.preprocessing import Preprocessing
from vitlens_widgets.models.prompts import ReadsTexts, check_lengths
from vitlens_widgets.models.registry import family_of, register
from vitlens_widgets.models.score_parts import ScoreParts


class _Around(Adapter):
    """A module around an image tower, which another adapter reads."""

    def __init__(self, model: Foreign, tower: Foreign, image_size: tuple[int, int] | None) -> None:
        self.tower = family_of(tower)(tower, image_size)
        self.readout = self.tower.readout
        self.positions_in_blocks = self.tower.positions_in_blocks
        super().__init__(model, self.tower.image_size)

    @property
    def own_size(self) -> tuple[int, int]:
        """The tower's."""
        return self.tower.own_size

    @property
    def head(self) -> None:
        """No classifier of its own."""

    @property
    def blocks(self) -> Sequence[Foreign]:
        """The transformer blocks, first to last."""
        return self.tower.blocks

    @property
    def n_heads(self) -> int:
        """Attention heads per block."""
        return self.tower.n_heads

    @property
    def width(self) -> int:
        """The width d of the residual stream."""
        return self.tower.width

    def layout(self, image_size: tuple[int, int] | None = None) -> TokenLayout:
        """The token layout at an image size; see `Adapter.layout`."""
        return self.tower.layout(image_size)

    def hook_points(self, layer: int) -> HookPoints:
        """Where each of `HOOKED_SITES` shows in block `layer`."""
        return self.tower.hook_points(layer)

    def score_parts(self, layer: int, q: Tensor, k: Tensor) -> ScoreParts:
        """See `Adapter.score_parts`."""
        return self.tower.score_parts(layer, q, k)

    def run_block(self, layer: int, state: Tensor) -> Tensor:
        """Run one block alone, `[image, token, d]` to the next state."""
        return self.tower.run_block(layer, state)

    def token_features(self, state: Tensor) -> Tensor:
        """Each token as the tower's readout, `[image, token, feature]`."""
        return self.tower.token_features(state)

    def normed(self, state: Tensor) -> Tensor:
        """Each token through the tower's final norm, `[image, token, d]`."""
        return self.tower.normed(state)

    def readout_features(self, state: Tensor) -> Tensor:
        """The tower's readout, `[image, feature]`."""
        return self.tower.readout_features(state)

    def preprocessing(self) -> Preprocessing:
        """open_clip's evaluation transform for this model."""
        return self.tower.preprocessing()

    def checkpoint_name(self) -> str:
        """Nothing: the module does not say."""
        return ""

    def label_names(self) -> None:
        """None: it has no classes of its own."""


@register("open_clip.timm_model.TimmModel")
class OpenClipTimm(_Around):
    """A timm tower in open_clip, whose classifier or head projects among the texts."""

    def __init__(self, model: Foreign, image_size: tuple[int, int] | None = None) -> None:
        super().__init__(model, model.trunk, image_size)

    def pooled(self, pixels: Tensor) -> Tensor:
        """What the tower gives by its own code, `[image, feature]`."""
        return self.model(pixels)

    def token_features(self, state: Tensor) -> Tensor:
        """Each token as timm's readout, projected, `[image, token, feature]`."""
        return self._projected(super().token_features(state))

    def readout_features(self, state: Tensor) -> Tensor:
        """timm's readout, projected, `[image, feature]`."""
        return self._projected(super().readout_features(state))

    def _projected(self, features: Tensor) -> Tensor:
        by_timm = features if self.tower.head is None else self.tower.head(features)
        return self.model.head(by_timm)

    def preprocessing(self) -> Preprocessing:
        """open_clip's evaluation transform for this model."""
        return open_clip_preprocessing(self.model, self.image_size)


@register("open_clip.model.CLIP", "open_clip.model.CustomTextCLIP")
class OpenClip(ReadsTexts, _Around):
    """A model of images and texts, which classifies by prompts."""

    def __init__(self, model: Foreign, image_size: tuple[int, int] | None = None) -> None:
        super().__init__(model, model.visual, image_size)

    def pooled(self, pixels: Tensor) -> Tensor:
        """The image among the texts, by open_clip's own code, `[image, feature]`."""
        return self.model.encode_image(pixels)

    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        """Texts among the images, `[text, feature]`.

        Raises:
            UsageError: No tokenizer is known, or a text is longer than the model reads.
        """
        tokenizer = self._tokenizer
        counts = [n_tokens(tokenizer, text) for text in texts]
        check_lengths(texts, counts, self.model.context_length)
        ids = tokenizer(list(texts)).to(self.model.logit_scale.device)
        return self.model.encode_text(ids)

    @cached_property
    def _tokenizer(self) -> Any:
        """Found once; twins of the adapter have it, too."""
        found = tokenizer_of(self.model)
        if found is None:
            raise UsageError(
                "prompts= needs the tokenizer of this open_clip module, which it does not name; "
                'load it by name, "open_clip:architecture/weights".'
            )
        return found
