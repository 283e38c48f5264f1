"""CLIP, SigLIP and their kin of transformers, saved with a tokenizer of a few words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tests.zoo_sweep.small_hf import PATCH, SQUARE, packed

PROMPTS = ("a photo of a cat", "a photo of a dog", "one red car on the road")
KINDS = ("CLIP", "MetaClip2", "Siglip", "Siglip2")
_WORDS = ("<pad>", "<start>", "<end>", "<unk>", *sorted(set(" ".join(PROMPTS).split())))
_LONGEST = 9


def saved(kind: str, folder: Path) -> nn.Module:
    """The model as it comes out of a folder that holds its tokenizer as well."""
    import transformers

    tower = {"hidden_size": 48, "num_attention_heads": 4, "intermediate_size": 96}
    image = {"num_hidden_layers": 2, "patch_size": PATCH, "image_size": PATCH * SQUARE}
    image["num_patches"] = SQUARE**2  # SigLIP 2's word for its size
    text = {
        "num_hidden_layers": 1,
        "vocab_size": len(_WORDS),
        "max_position_embeddings": _LONGEST,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "projection_size": 48,
    }
    config = getattr(transformers, f"{kind}Config")(
        vision_config={**tower, **image}, text_config={**tower, **text}
    )
    torch.manual_seed(0)
    getattr(transformers, f"{kind}Model")(config).save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return getattr(transformers, f"{kind}Model").from_pretrained(folder).eval()


def tokenizer() -> Any:
    """A word is a token; texts stand between a start and an end."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({word: i for i, word in enumerate(_WORDS)}, "<pad>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    words.post_processor = processors.TemplateProcessing(
        single="<start> $A <end>", special_tokens=[("<start>", 1), ("<end>", 2)]
    )
    special = {
        "pad_token": "<pad>",
        "bos_token": "<start>",
        "eos_token": "<end>",
        "unk_token": "<unk>",
    }
    return PreTrainedTokenizerFast(tokenizer_object=words, **special)


def own_answer(kind: str, model: nn.Module, pixels: Tensor) -> Tensor:
    """The library's own comparison of images with `PROMPTS`, `[image, class]`."""
    padding = "max_length" if "Siglip" in kind else True
    import transformers

    saved = transformers.AutoTokenizer.from_pretrained(model.config._name_or_path)
    ids = saved(
        list(PROMPTS), padding=padding, max_length=_LONGEST, truncation=True, return_tensors="pt"
    )
    words = {"input_ids": ids["input_ids"]}
    if "CLIP" in kind.upper():
        words["attention_mask"] = ids["attention_mask"]
    with torch.no_grad():
        images = packed(pixels) if kind == "Siglip2" else {"pixel_values": pixels}
        return model(**images, **words).logits_per_image
