"""`load_decoder`: what paints pictures from the embeddings of an encoder."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from vitlens_widgets.errors import UsageError, check_type, quoted_list, said
from vitlens_widgets.files import existing_path
from vitlens_widgets.lenses.decoder import Decoder
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.trace import ViT
from vitlens_widgets.world.cards import weights_file
from vitlens_widgets.world.catalogue import DECODERS, known_decoder
from vitlens_widgets.world.decoders.served import trained_decoder
from vitlens_widgets.world.weights import name_of_weights, trained_weights
from vitlens_widgets.zoo.diffusion.source import diffusion_decoder


@clean
def load_decoder(
    source: str | os.PathLike[str],
    *,
    encoder: ViT | None = None,
    same_encoder: bool = False,
    dtype: torch.dtype | None = None,
) -> Decoder:
    """Load what paints pictures from the embeddings of an encoder.

    Args:
        source: One of
            - the name of an embedded decoder: `"toy/unclip"` makes pictures of the readout of
              `toy/clip`, `"toy/patch-decoder"` of all tokens of any state of `toy/p32`,
              `"toy/patch-decoder-clip"` of those of `toy/clip`;
            - a weights file that `python -m vitlens_widgets.world train` has written for a decoder:
              `"world-training/toy-unclip.safetensors"`;
            - an id or a folder of diffusers (`pip install vitlens_widgets[diffusion]`): of
              Kandinsky 2.2 (`"kandinsky-community/kandinsky-2-2-decoder"`, whose encoder is
              `vl.load("kandinsky-community/kandinsky-2-2-prior", subfolder="image_encoder")`), of a
              stable unCLIP (its encoder is in its own subfolder `image_encoder`), or of a
              representation autoencoder (`AutoencoderRAE`).
        encoder: The model whose embeddings it shall decode, which is held against it: its shape;
            and what it makes of an image, if the decoder carries its encoder (unCLIP, autoencoders)
            or was trained here on an embedded one; else its name. Kandinsky's guidance needs it:
            that leads away from what the encoder makes of an image of its mean colour, a grey: of
            preprocessed pixels that are all zero.
        same_encoder: Whether `encoder` is the decoder's own under another name, such as that of a
            folder; believed where nothing but names can be compared.
        dtype: The type that decoders of diffusers run in; by default float32.

    Raises:
        UsageError: There is no such decoder, it is out of reach, or `encoder` is of another shape
            or name, or makes something else of an image than the one it was trained on.
        UnsupportedModelError: Weights of it are missing or left over.

    Example:
        >>> decoder = load_decoder("toy/unclip")
        >>> decoder.reads.encoder, decoder.size
        ('toy/clip', (56, 56))
    """
    if encoder is not None:
        check_type("encoder=", encoder, ViT, 'a model from vl.load, such as vl.load("toy/p32")')
    if not isinstance(source, (str, os.PathLike)):
        raise UsageError(_unknown(source))
    path = existing_path(source)
    if (found := _trained_here(source, path)) is not None:
        decoder = trained_decoder(*found)
        if encoder is not None:
            decoder.check_reads(encoder, same_encoder)
        return decoder
    if not (_is_of_diffusers(path) or _may_be_an_id(source, path)):
        raise UsageError(_unknown(source))
    words = {} if dtype is None else {"torch_dtype": dtype}
    return diffusion_decoder(os.fspath(source), encoder, same_encoder, words)


def _trained_here(source: str | os.PathLike[str], path: Path) -> tuple[Path, str] | None:
    """Weights and name of a decoder that this package has trained; None for any other source."""
    if (weights := trained_weights(path)) is not None:
        return weights, name_of_weights(weights)
    name = os.fspath(source)
    return (weights_file(known_decoder(name)), name) if name.startswith("toy/") else None


def _is_of_diffusers(folder: Path) -> bool:
    return (folder / "model_index.json").exists() or (folder / "config.json").exists()


def _may_be_an_id(source: str | os.PathLike[str], path: Path) -> bool:
    """Whether it can be the id of a hub: `owner/name`, of no file or folder here."""
    owner, _, name = os.fspath(source).partition("/")
    is_file = path.exists() or name.endswith((".safetensors", ".bin", ".pt", ".pth", ".ckpt"))
    return bool(owner and name) and "/" not in name and not is_file


def _unknown(source: object) -> str:
    return (
        f"vl.load_decoder does not know {said(source)}; it takes an embedded decoder "
        f"({quoted_list(DECODERS)}), the weights file of one that python -m vitlens_widgets.world "
        "train has written, or an id or a folder of diffusers "
        '("kandinsky-community/kandinsky-2-2-decoder").'
    )
