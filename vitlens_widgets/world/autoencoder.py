"""The architecture of the embedded masked autoencoders, and how their weights are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import ViTMAEConfig, ViTMAEForPreTraining

from vitlens_widgets.models.weight_faults import fill
from vitlens_widgets.world.network import MEAN, STD
from vitlens_widgets.world.weights import Noted, read_facts, read_weights

SIDE = 112  # pixels


@dataclass(frozen=True, slots=True)
class MAEDesign(Noted):
    """An encoder of the visible patches and CLS, and a smaller decoder of all patches.

    Attributes:
        patch: Side of a patch in pixels; pictures have 112 pixels a side.
        layers: Blocks of the encoder.
        width: Of its residual stream.
        heads: Attention heads per block.
        decoder_layers: Blocks of the decoder.
        decoder_width: Of its residual stream.
        decoder_heads: Attention heads per block.
        mask_ratio: Share of the patches that are hidden in training.
        norm_pix_loss: Whether it paints each patch minus its mean over its own deviation.
    """

    patch: int = 8
    layers: int = 5
    width: int = 192
    heads: int = 3
    decoder_layers: int = 2
    decoder_width: int = 128
    decoder_heads: int = 2
    mask_ratio: float = 0.75
    norm_pix_loss: bool = False


def make_autoencoder(design: MAEDesign, attention: str = "sdpa") -> ViTMAEForPreTraining:
    """transformers' `ViTMAEForPreTraining` of this design, freshly initialised.

    Args:
        design: Its shape.
        attention: Which of transformers' implementations computes attention.
    """
    beside: dict[str, Any] = {  # what every configuration takes
        "image_mean": MEAN,
        "image_std": STD,
        "attn_implementation": attention,
    }
    config = ViTMAEConfig(
        image_size=SIDE,
        patch_size=design.patch,
        num_hidden_layers=design.layers,
        hidden_size=design.width,
        intermediate_size=4 * design.width,
        num_attention_heads=design.heads,
        decoder_num_hidden_layers=design.decoder_layers,
        decoder_hidden_size=design.decoder_width,
        decoder_intermediate_size=4 * design.decoder_width,
        decoder_num_attention_heads=design.decoder_heads,
        layer_norm_eps=1e-6,
        mask_ratio=design.mask_ratio,
        norm_pix_loss=design.norm_pix_loss,
        **beside,
    )
    model = ViTMAEForPreTraining(config)
    _place(model)
    return model


def _place(model: Any) -> None:
    """Give encoder and decoder their fixed positions, which transformers leaves zero.

    It takes the embeddings for initialised once their projection is, and zeroes the decoder's
    after it has computed them.
    """
    embeddings = model.vit.embeddings
    embeddings.patch_embeddings.projection._is_hf_initialized = False
    embeddings.initialize_weights()
    model.decoder.initialize_weights(embeddings.patch_embeddings.num_patches)


def load_autoencoder(path: Path) -> ViTMAEForPreTraining:
    """The masked autoencoder of a weights file, float32, in eval mode.

    Raises:
        UsageError: The file is of none.
    """
    model = make_autoencoder(MAEDesign.of(read_facts(path)))
    fill(model, _named_as_in(model, read_weights(path)), path)
    return model.eval()


# Names of transformers 4, and of 5 for the same weights; a file may come from either.
_NAMES = {
    "vit.encoder.layer.": "vit.layers.",
    "attention.attention.query.": "attention.q_proj.",
    "attention.attention.key.": "attention.k_proj.",
    "attention.attention.value.": "attention.v_proj.",
    "attention.output.dense.": "attention.o_proj.",
    "intermediate.dense.": "mlp.fc1.",
    "output.dense.": "mlp.fc2.",
}


def _named_as_in(
    model: ViTMAEForPreTraining, weights: Mapping[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """The weights under the names that the installed transformers gives them."""
    here = {_name_in_5(name): name for name in model.state_dict()}
    return {here.get(_name_in_5(name), name): value for name, value in weights.items()}


def _name_in_5(name: str) -> str:
    for old, new in _NAMES.items():
        name = name.replace(old, new)
    return name
