"""Diffusion pipelines led by the pooled embedding of a CLIP: Kandinsky 2.2 and unCLIP.

Sources: Razzhigaev et al. (2023), "Kandinsky: an Improved Text-to-Image Synthesis with Image Prior
and Latent Diffusion"; Ramesh et al. (2022), "Hierarchical Text-Conditional Image Generation with
CLIP Latents".
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor

from vitlens_widgets.errors import UsageError
from vitlens_widgets.lenses.decoder import Decoder, Reads, Request
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.models.foreign import Foreign


class PipelineDecoder(Decoder):
    """One picture at a time, so that it can be stopped and each begins as the same noise.

    Args:
        name: Its id or folder.
        pipeline: Of diffusers.
        encoder: Name of the model that it reads; "" where nothing says it.
        features: Numbers of an embedding.
    """

    at_once = 1

    def __init__(self, name: str, pipeline: Foreign, encoder: str, features: int) -> None:
        self.name, self._pipeline = name, pipeline
        pipeline.set_progress_bar_config(disable=True)
        side = pipeline.unet.config.sample_size * self._zoom()
        self.size = (side, side)
        self.reads = Reads("readout", encoder, (features,), "nothing: it is read as it is")

    @property
    def device(self) -> torch.device:
        """See `Decoder.device`."""
        return self._pipeline.unet.device

    def paint(self, embedding: Tensor, request: Request) -> Tensor:
        """See `Decoder.paint`."""
        unet = self._pipeline.unet
        found = self._run(
            embedding.to(unet.dtype),
            height=self.size[0],
            width=self.size[1],
            num_inference_steps=request.steps,
            guidance_scale=request.guidance,
            generator=torch.Generator().manual_seed(request.seed),
            output_type="np",
        )
        return torch.from_numpy(found.images).permute(0, 3, 1, 2)

    @abstractmethod
    def _zoom(self) -> int:
        """Pixels of a latent, up and across."""

    @abstractmethod
    def _run(self, embedding: Tensor, **asked: Any) -> Foreign:
        """What the pipeline gives for an embedding."""


class KandinskyDecoder(PipelineDecoder):
    """Kandinsky 2.2: guidance leads away from what its encoder makes of a grey image.

    Pixels that are all zero after the preprocessing: its mean colour, as diffusers' prior has it.

    Without that encoder there is no guidance. What else it takes is as for `PipelineDecoder`.

    Args:
        blank: The encoder's embedding of pixels that are all zero, `[1, feature]`; None where the
            encoder was not given.
    """

    steps = 25

    def __init__(
        self, name: str, pipeline: Foreign, encoder: str, features: int, blank: Tensor | None
    ) -> None:
        super().__init__(name, pipeline, encoder, features)
        self._blank = blank
        self.guidance = 1.0 if blank is None else 4.0

    def _checked_guidance(self, guidance: Any) -> float:
        guidance = super()._checked_guidance(guidance)
        if guidance > 1 and self._blank is None:
            raise UsageError(
                f"Guidance of {self.name} starts from what its encoder makes of a blank image; "
                f"load it with encoder=, as in vl.load_decoder({self.name!r}, encoder=vit)."
            )
        return guidance

    def _zoom(self) -> int:
        return self._pipeline.movq_scale_factor

    def _run(self, embedding: Tensor, **asked: Any) -> Foreign:
        blank = torch.zeros_like(embedding) if self._blank is None else self._blank
        blank = blank.to(embedding).expand_as(embedding)
        return self._pipeline(image_embeds=embedding, negative_image_embeds=blank, **asked)


class UnCLIPDecoder(PipelineDecoder):
    """Stable unCLIP, without a text and with the least noise on the embedding."""

    steps, guidance = 20, 10.0

    @clean
    @torch.no_grad()
    def encoded(self, pixels: Tensor) -> Tensor | None:
        """See `Decoder.encoded`: it is a part of the pipeline."""
        encoder = self._pipeline.image_encoder
        side = encoder.config.image_size
        if tuple(pixels.shape[-2:]) != (side, side):
            return None
        return encoder(pixels.to(encoder.device, encoder.dtype)).image_embeds

    def _zoom(self) -> int:
        return self._pipeline.vae_scale_factor

    def _run(self, embedding: Tensor, **asked: Any) -> Foreign:
        return self._pipeline(prompt="", image_embeds=embedding, noise_level=0, **asked)
