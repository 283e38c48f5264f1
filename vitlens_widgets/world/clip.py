"""The architecture of the embedded model of images and texts, and how its weights are read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import (
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPProcessor,
    CLIPTextConfig,
    CLIPTokenizer,
    CLIPVisionConfig,
)

from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.models.weight_faults import fill
from vitlens_widgets.world.captions import class_prompts
from vitlens_widgets.world.network import (
    GRID,
    MEAN,
    PREPROCESSING,
    SERVED_PATCH,
    STD,
    doubled_patch,
)
from vitlens_widgets.world.weights import Noted, read_facts, read_weights
from vitlens_widgets.world.words import KnownWords, make_tokenizer

LONGEST = 48  # tokens of a text


@dataclass(frozen=True, slots=True)
class CLIPDesign(Noted):
    """Two towers, of pictures and of texts, each pre-norm, and the space where they meet.

    Attributes:
        layers: Blocks of the image tower, a CLS token on 7 x 7 patches.
        width: Of its residual stream.
        heads: Attention heads per block.
        text_layers: Blocks of the text tower.
        text_width: Of its residual stream.
        text_heads: Attention heads per block.
        shared: Numbers of an embedding, of a picture or of a text.
    """

    layers: int = 6
    width: int = 192
    heads: int = 3
    text_layers: int = 3
    text_width: int = 192
    text_heads: int = 3
    shared: int = 256


CLIP = CLIPDesign()
"""The design of `toy/clip`."""


def make_clip(
    design: CLIPDesign,
    tokenizer: CLIPTokenizer,
    patch: int = SERVED_PATCH,
    attention: str = "sdpa",
) -> CLIPModel:
    """transformers' `CLIPModel` of this design, freshly initialised.

    Args:
        design: Its shape.
        tokenizer: Of its texts.
        patch: Side of a patch in pixels; the picture is seven patches wide and high.
        attention: Which of transformers' implementations computes attention.
    """
    common: dict[str, Any] = {"hidden_act": "gelu", "projection_dim": design.shared}
    ends: dict[str, Any] = {
        f"{end}_token_id": getattr(tokenizer, f"{end}_token_id") for end in ("bos", "eos", "pad")
    }
    text = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=design.text_width,
        intermediate_size=4 * design.text_width,
        num_hidden_layers=design.text_layers,
        num_attention_heads=design.text_heads,
        max_position_embeddings=LONGEST,
        **ends,
        **common,
    )
    vision = CLIPVisionConfig(
        image_size=GRID * patch,
        patch_size=patch,
        hidden_size=design.width,
        intermediate_size=4 * design.width,
        num_hidden_layers=design.layers,
        num_attention_heads=design.heads,
        **common,
    )
    shape: dict[str, Any] = {"text_config": text, "vision_config": vision}
    beside: dict[str, Any] = {"attn_implementation": attention}
    return CLIPModel(CLIPConfig(**shape, projection_dim=design.shared, **beside))


_KERNEL = "vision_model.embeddings.patch_embedding.weight"


@clean
def load_clip(path: Path) -> CLIPModel:
    """The model of a weights file, for 224 pixels a side, float32, in eval mode.

    With it is what `vl.load` has to know of it: its words, its pixels and its classes.
    """
    facts = read_facts(path)
    tokenizer = make_tokenizer(facts["words"], LONGEST)
    model: Any = make_clip(CLIPDesign.of(facts), tokenizer)
    fill(model, doubled_patch(read_weights(path), _KERNEL), path)
    model.known_words = KnownWords(tokenizer, facts["words"])
    model.loaded_with = {"prompts": class_prompts(), "preprocessing": PREPROCESSING}
    return model.eval()


def make_processor(model: Any) -> CLIPProcessor:
    """What transformers needs beside a model of `load_clip`: for its pictures and its texts."""
    side = model.config.vision_config.image_size
    pictures = CLIPImageProcessor(
        size={"height": side, "width": side},
        do_center_crop=False,
        image_mean=list(MEAN),
        image_std=list(STD),
    )
    return CLIPProcessor(pictures, model.known_words.tokenizer)
