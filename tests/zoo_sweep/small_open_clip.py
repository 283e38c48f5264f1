"""open_clip's models, small: towers of its own and of timm; none where it is not installed."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn

from tests.zoo_sweep.texts import PROMPTS

_TEXT = {"context_length": 12, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1}
_TOWER = {"layers": 2, "width": 64, "head_width": 16, "patch_size": 8, "image_size": (24, 40)}
_TIMM = {"timm_model_pretrained": False, "image_size": 224}

KINDS: dict[str, dict[str, Any]] = {
    "CLIP": {"vision_cfg": _TOWER},
    "CLIP, quick GELU": {"vision_cfg": _TOWER, "quick_gelu": True},
    "CLIP, layer scale": {"vision_cfg": {**_TOWER, "ls_init_value": 0.1}},
    "CLIP, no norm before": {"vision_cfg": {**_TOWER, "no_ln_pre": True}},
    "CLIP, mean of patches normed": {
        "vision_cfg": {**_TOWER, "pool_type": "avg", "final_ln_after_pool": True}
    },
    "CLIP with SigLIP's offset": {"vision_cfg": _TOWER, "init_logit_bias": -10.0},
    "CustomTextCLIP": {"vision_cfg": _TOWER, "custom_text": True},
    "CLIP with a timm tower, projected": {
        "vision_cfg": {
            **_TIMM,
            "timm_model_name": "vit_tiny_patch16_224",
            "timm_pool": "token",
            "timm_proj": "linear",
        }
    },
    "CLIP with a timm tower, its classifier as projection": {
        "vision_cfg": {
            **_TIMM,
            "timm_model_name": "test_vit2",
            "image_size": 160,
            "timm_pool": "avg",
            "timm_proj": "",
        }
    },
}


def kinds() -> list[str]:
    """What can be built here."""
    return list(KINDS) if find_spec("open_clip") else []


def small(kind: str) -> nn.Module:
    """One of `KINDS`, with random weights."""
    from open_clip.model import CLIP, CustomTextCLIP

    words = dict(KINDS[kind])
    make = CustomTextCLIP if words.pop("custom_text", False) else CLIP
    torch.manual_seed(0)
    return make(embed_dim=24, text_cfg=dict(_TEXT), **words).eval()


def forward(model: nn.Module, pixels: Tensor) -> Tensor:
    """open_clip's own comparison of images with `PROMPTS`, `[image, class]`."""
    from open_clip import SimpleTokenizer

    ids = SimpleTokenizer(context_length=model.context_length)(list(PROMPTS))
    return model.get_logits(pixels, ids)[0]
