"""Decoders of representation autoencoders: all patches to a picture, in one pass.

Source: Zheng et al. (2025), "Diffusion Transformers with Representation Autoencoders", section 3.
What they read is the encoder's last state through its final norm *without* the affine part.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from vitlens_widgets.lenses.decoder import Decoder, Reads, Request
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.models.foreign import Foreign

PREFIX = {"dinov2": 5, "siglip2": 0, "mae": 1}
"""Kind of encoder -> its tokens before the patches: CLS and registers, which are not read."""


class RepresentationDecoder(Decoder):
    """diffusers' `AutoencoderRAE`.

    Args:
        name: Its id or folder.
        model: Of diffusers.
        encoder: Name of the model that it reads; "" where nothing says it.
    """

    def __init__(self, name: str, model: Foreign, encoder: str) -> None:
        self.name, self._model = name, model
        self.size = (model.decoder_image_size, model.decoder_image_size)
        self._prefix = PREFIX[model.config.encoder_type]
        tokens = self._prefix + model.num_patches
        self.reads = Reads(
            what="tokens",
            encoder=encoder,
            shape=(tokens, model.config.encoder_hidden_size),
            normalised="the encoder's final norm without its weights, then the decoder's own mean "
            "and deviation of latents",
        )

    @property
    def device(self) -> torch.device:
        """See `Decoder.device`."""
        return self._model.device

    @clean
    @torch.no_grad()
    def encoded(self, pixels: Tensor) -> Tensor | None:
        """See `Decoder.encoded`: it is a part of the autoencoder; no patch is left out."""
        encoder, kind = self._model.encoder, self._model.config.encoder_type
        asked: dict[str, Any] = {} if kind == "dinov2" else {"interpolate_pos_encoding": True}
        if kind == "mae":  # which would shuffle the patches
            order = torch.arange(self._model.num_patches, device=self.device)
            asked["noise"] = order.expand(len(pixels), -1)
        return encoder(pixels.to(encoder.device, encoder.dtype), **asked).last_hidden_state

    def paint(self, embedding: Tensor, request: Request) -> Tensor:  # noqa: ARG002
        """See `Decoder.paint`."""
        patches = embedding[:, self._prefix :].to(self._model.dtype)
        tokens = functional.layer_norm(patches, patches.shape[-1:], eps=self._eps)
        if self._model.config.reshape_to_2d:
            side = int(self._model.num_patches**0.5)
            tokens = tokens.transpose(1, 2).reshape(len(tokens), -1, side, side)
        known: dict[str, Tensor] = self._model.state_dict()
        latents = (tokens - known["_latents_mean"]) / (known["_latents_std"] + 1e-5)
        return self._model.decode(latents * self._model.config.scaling_factor).sample

    @property
    def _eps(self) -> float:
        encoder = self._model.encoder
        tower = getattr(encoder, "vision_model", encoder)
        norm = getattr(tower, "layernorm", None) or tower.post_layernorm
        return norm.eps
