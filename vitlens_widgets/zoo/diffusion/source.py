"""From an id or a folder to one of diffusers' decoders."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from vitlens_widgets.errors import UsageError
from vitlens_widgets.lenses.decoder import Decoder
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.models.foreign import Foreign
from vitlens_widgets.trace import ViT
from vitlens_widgets.zoo.diffusion.library import diffusers_library, whole
from vitlens_widgets.zoo.diffusion.pipelines import KandinskyDecoder, UnCLIPDecoder
from vitlens_widgets.zoo.diffusion.rae import RepresentationDecoder
from vitlens_widgets.zoo.hub import reach

_ENCODERS = {
    "kandinsky-community/kandinsky-2-2-decoder": "kandinsky-community/kandinsky-2-2-prior",
}
"""Decoder -> the model that it reads, where its own files do not say it."""

_PIPELINES = ("KandinskyV22Pipeline", "StableUnCLIPImg2ImgPipeline")
_AUTOENCODER = "AutoencoderRAE"

_OFFLINE = "a saved folder of diffusers, or the weights file of a decoder that was trained here"


def diffusion_decoder(
    source: str, encoder: ViT | None, same_encoder: bool, words: Mapping[str, Any]
) -> Decoder:
    """The decoder of an id or a folder.

    Args:
        source: Of a pipeline, or of a representation autoencoder.
        encoder: The model that it reads, if it was given.
        same_encoder: Whether it is the decoder's own under another name.
        words: `torch_dtype`, for `from_pretrained`.

    Raises:
        UsageError: It is out of reach, or none that is known; or `encoder` is another model.
        UnsupportedModelError: Weights are missing or left over.
    """
    library = diffusers_library()
    kind = reach(source, partial(_kind, library, source), _OFFLINE)
    known = _ENCODERS.get(source, "")
    build = _BUILD.get(kind)
    if build is None:
        raise UsageError(
            f"{source} is a {kind}; vl.load_decoder reads {', '.join(_PIPELINES)} and"
            f" {_AUTOENCODER}."
        )
    decoder = reach(source, lambda: build(library, source, known, encoder, words), _OFFLINE)
    if encoder is not None:
        decoder.check_reads(encoder, same_encoder)
    return decoder


def _kind(library: Foreign, source: str) -> str:
    """The class that it was saved as."""
    try:
        return library.DiffusionPipeline.load_config(source)["_class_name"]
    except OSError:
        return library.AutoencoderRAE.load_config(source).get("_class_name", "model")


def _kandinsky(
    library: Foreign, source: str, known: str, encoder: ViT | None, words: Mapping[str, Any]
) -> Decoder:
    unet = whole(library.UNet2DConditionModel, source, words, "unet")
    movq = whole(library.VQModel, source, words, "movq")
    kind = library.KandinskyV22Pipeline
    pipeline = kind.from_pretrained(source, unet=unet, movq=movq, **words)
    blank = None if encoder is None else _of_zeros(encoder)
    return KandinskyDecoder(source, pipeline, known, unet.config.encoder_hid_dim, blank)


@clean
@torch.no_grad()
def _of_zeros(encoder: ViT) -> Tensor:
    """The pooled embedding of pixels that are all zero, `[1, feature]`."""
    shape = (1, 3, *encoder.image_size)
    like = encoder.adapter.blank_state(1)
    return encoder.adapter.pooled(torch.zeros(shape, dtype=like.dtype, device=like.device))


def _unclip(
    library: Foreign, source: str, known: str, _encoder: ViT | None, words: Mapping[str, Any]
) -> Decoder:
    import transformers

    parts: dict[str, Foreign] = {
        "unet": library.UNet2DConditionModel,
        "vae": library.AutoencoderKL,
        "text_encoder": transformers.CLIPTextModel,
        "image_encoder": transformers.CLIPVisionModelWithProjection,
    }
    read = {part: whole(kind, source, words, part) for part, kind in parts.items()}
    pipeline = library.StableUnCLIPImg2ImgPipeline.from_pretrained(source, **read, **words)
    features = read["image_encoder"].config.projection_dim
    return UnCLIPDecoder(source, pipeline, known, features)


def _autoencoder(
    library: Foreign, source: str, known: str, _encoder: ViT | None, words: Mapping[str, Any]
) -> Decoder:
    return RepresentationDecoder(source, whole(library.AutoencoderRAE, source, words), known)


_BUILD: dict[str, Callable[..., Decoder]] = {
    _PIPELINES[0]: _kandinsky,
    _PIPELINES[1]: _unclip,
    _AUTOENCODER: _autoencoder,
}
"""By class, as its configuration names it."""
