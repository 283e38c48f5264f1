"""Masked autoencoders of transformers: the encoder as a ViT, and the decoder that paints.

Source: He et al. (2022), "Masked Autoencoders Are Scalable Vision Learners", section 3; the
mechanics are those of its published code, which transformers follows.
"""

from __future__ import annotations

from typing import Any

import torch
from timm.data.constants import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from torch import Tensor

from vitlens_widgets.kinds import is_tuple
from vitlens_widgets.models.adapter import grid, require
from vitlens_widgets.models.families.hf_vit import HFViT
from vitlens_widgets.models.foreign import Foreign
from vitlens_widgets.models.layout import TokenLayout
from vitlens_widgets.models.mae_positions import placed
from vitlens_widgets.models.preprocessing import DEFAULTS, Preprocessing, from_timm_config
from vitlens_widgets.models.registry import register

_MAE = "transformers.models.vit_mae.modeling_vit_mae."


@register(f"{_MAE}ViTMAEModel")
class MAEEncoder(HFViT):
    """The encoder of a masked autoencoder, traced as a ViT with every patch visible."""

    processor_words = {"image_mean": IMAGENET_DEFAULT_MEAN, "image_std": IMAGENET_DEFAULT_STD}  # noqa: RUF012

    def __init__(self, model: Foreign, image_size: tuple[int, int] | None = None) -> None:
        channels, rgb = model.config.num_channels, "the image must have 3 channels (RGB)"
        require(channels == 3, model, rgb, f"its configuration says {channels}")
        super().__init__(model, image_size)

    def layout(self, image_size: tuple[int, int] | None = None) -> TokenLayout:
        """The token layout at an image size; see `Adapter.layout`.

        Raises:
            UsageError: Not the size it was loaded for, or one that its positions do not allow.
        """
        layout = super().layout(image_size)
        self._placed(self._embeddings.position_embeddings)
        return layout

    def _size_words(self, module: Foreign) -> dict[str, Any]:  # noqa: ARG002
        """Nothing: positions for other sizes are placed here, not by the module."""
        return {}

    @property
    def patch_size(self) -> tuple[int, int]:
        """(height, width) of a patch in pixels."""
        return tuple(self._embeddings.patch_embeddings.projection.kernel_size)

    @property
    def _embeddings(self) -> Foreign:
        return self.tower.embeddings

    def _placed(self, own: Tensor) -> Tensor:
        """Position embeddings `[1, 1 + patch, width]` for the size that it runs at."""
        sizes = (self.own_size, self.image_size)
        return placed(own, *(grid(size, self.patch_size) for size in sizes))

    def embed(self, pixels: Tensor) -> Tensor:
        """CLS and every patch, each with its position: `[image, 1 + patch, d]`."""
        parts = self._embeddings
        patches = parts.patch_embeddings.projection(pixels).flatten(2).transpose(1, 2)
        cls = parts.cls_token.expand(len(pixels), -1, -1)
        return torch.cat([cls, patches], dim=1) + self._placed(parts.position_embeddings)

    def encode(self, tokens: Tensor) -> list[Tensor]:
        """The L + 1 states of embedded tokens, each `[image, token, d]`; state 0 is `tokens`."""
        states = [tokens]
        for layer in range(self.n_layers):
            states.append(self.run_block(layer, states[-1]))
        return states

    def pooled(self, pixels: Tensor) -> Tensor:
        """CLS after the final norm, every patch visible, `[image, d]`.

        The module's own forward would hide patches at random.
        """
        return self.readout_features(self.encode(self.embed(pixels))[-1])

    @property
    def head(self) -> None:
        """No classifier."""
        return None

    def preprocessing(self) -> Preprocessing:
        """What the configuration says (`image_mean`, `image_std`), else the saved processor's."""
        mean, std = (getattr(self.config, f"image_{word}", None) for word in ("mean", "std"))
        if mean is None or std is None:
            return super().preprocessing()
        words = DEFAULTS | {"crop_pct": 1.0, "crop_mode": "squash", "mean": mean, "std": std}
        return from_timm_config(words, self.image_size)


@register(f"{_MAE}ViTMAEForPreTraining")
class MaskedAutoencoder(MAEEncoder):
    """An encoder with its decoder, which paints every patch from the visible ones."""

    def __init__(self, model: Foreign, image_size: tuple[int, int] | None = None) -> None:
        super().__init__(model, image_size)
        self._placed(model.decoder.decoder_pos_embed)

    @property
    def runs_whole(self) -> bool:
        """Whether the module's own forward runs at this size: its own, and a square."""
        return self.image_size == self.own_size and len(set(self.own_size)) == 1

    @property
    def normalises_pixels(self) -> bool:
        """Whether it was trained to paint each patch minus its mean over its own deviation."""
        return bool(self.config.norm_pix_loss)

    @property
    def classifier_advice(self) -> str:
        """How it is read: by its pixels, or by a classifier that the user gives."""
        return f"{super().classifier_advice}; InfillLens reads the pixels it paints"

    def paint(self, state: Tensor, restore: Tensor, *, norm: bool = True) -> Tensor:
        """The decoder on a state of CLS and the visible patches.

        Args:
            state: `[image, 1 + visible patch, d]`.
            restore: For each patch its place in the sequence of all visible and then all masked
                patches, int64 `[image, patch]` (`ids_restore` in the published code).
            norm: Whether the encoder's final norm comes first, as it does in the model.

        Returns:
            What the model paints into each patch, visible ones too, in the units it was trained
            on: `[image, patch, height * width * 3]`, row by row, colours last.
        """
        parts = self.model.decoder
        tokens = parts.decoder_embed(self.norm(state) if norm else state)
        n_masked = restore.shape[1] - (tokens.shape[1] - 1)
        masked = parts.mask_token.to(tokens.dtype).expand(len(tokens), n_masked, -1)
        patches = torch.cat([tokens[:, 1:], masked], dim=1)
        patches = patches.gather(1, restore[..., None].expand_as(patches))
        tokens = torch.cat([tokens[:, :1], patches], dim=1) + self._placed(parts.decoder_pos_embed)
        for block in parts.decoder_layers:
            out = block(tokens)
            tokens = out[0] if is_tuple(out) else out  # a tuple before transformers 5
        return parts.decoder_pred(parts.decoder_norm(tokens))[:, 1:]
