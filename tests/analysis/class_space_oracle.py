"""Class embedding space by the definitions, one token at a time, with the model's own modules.

It shares no code with the package, but for loading the images that both are given.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import timm
import torch

import vitlens_widgets as vl
from tests.small_models import shaken, timm_model
from vitlens_widgets.data import Examples


def post_norm_model() -> torch.nn.Module:
    """The paper's GAP variant, small: residual post-norm blocks, a mean of patches, no CLS."""
    torch.manual_seed(0)
    words = {"img_size": (64, 96), "depth": 3, "embed_dim": 48, "num_heads": 4, "num_classes": 11}
    return shaken(timm.create_model("vit_base_patch16_rpn_224", **words))


def five_blocks() -> torch.nn.Module:
    """Other numbers of blocks, heads and classes."""
    return timm_model("CLS", depth=5, num_heads=3, num_classes=7)


MODELS = {
    "CLS": lambda: timm_model("CLS"),
    "five blocks": five_blocks,
    "mean of patches": lambda: timm_model("mean of patches"),
    "norm before the mean": lambda: timm_model("mean of patches, norm before"),
    "registers and layer scale": lambda: timm_model("four registers and layer scale"),
    "post-norm": post_norm_model,
}
"""Different heads, layers, prefix tokens, readouts and norms."""


def examples(vit: vl.ViT, n_images: int = 5, seed: int = 0) -> Examples:
    """Noise of another size than the model's, a random class each, and a random mask."""
    rng = np.random.default_rng(seed)
    items = []
    for i in range(n_images):
        image = rng.integers(0, 256, (61, 83, 3), dtype=np.uint8)
        mask = rng.random((61, 83)) < (0.0 if i == 2 else 0.5)
        items.append((image, int(rng.integers(len(vit.labels))), mask))
    return Examples(items, vit.labels, name=f"noise {seed}")


class Run(NamedTuple):
    """What hooks saw of one image; each `[token, d]`."""

    states: list[torch.Tensor]
    attn_out: list[torch.Tensor]
    mlp_out: list[torch.Tensor]


def run_one(model: torch.nn.Module, pixels: torch.Tensor) -> Run:
    """One image, `[3, height, width]`, through the model with hooks on its blocks."""
    seen = Run([], [], [])
    hooks = [model.blocks[0].register_forward_pre_hook(lambda _, x: seen.states.append(x[0][0]))]
    for block in model.blocks:
        post = "Post" in type(block).__name__
        adds = (block.norm1, block.norm2) if post else (block.ls1, block.ls2)
        places = zip((*adds, block), (seen.attn_out, seen.mlp_out, seen.states), strict=True)
        for module, into in places:
            hook = module.register_forward_hook(lambda _m, _x, y, into=into: into.append(y[0]))
            hooks.append(hook)
    with torch.no_grad():
        model(pixels[None])
    for hook in hooks:
        hook.remove()
    return seen


def token_logits(model: torch.nn.Module, tokens: torch.Tensor) -> np.ndarray:
    """`[token, class]`: each token through final norm and classifier."""
    with torch.no_grad():
        return model.head(model.fc_norm(model.norm(tokens[None])))[0].numpy()


def readout_logits(model: torch.nn.Module, tokens: torch.Tensor) -> np.ndarray:
    """`[class]`: what the model's head makes of all tokens."""
    with torch.no_grad():
        return model.forward_head(model.norm(tokens[None]))[0].numpy()


def place(logits: np.ndarray, true: int) -> int:
    """Where the true class stands in the descending order, from 0."""
    return list(np.argsort(-logits)).index(true)


def pixels_of(vit: vl.ViT, data: Examples) -> torch.Tensor:
    """All images as the model takes them."""
    count = data.count
    pictures = [vit.preprocessing.picture(vl.read_image(data[i].image)) for i in range(count)]
    return vit.preprocessing.pixels(pictures)


def through_blocks(
    model: torch.nn.Module,
    tokens: torch.Tensor,
    change: Callable[[torch.Tensor], None] = lambda _pattern: None,
) -> list[torch.Tensor]:
    """The states `[token, d]` from a state 0 on, with attention written out.

    Args:
        model: The model.
        tokens: State 0, `[token, d]`; any of the tokens.
        change: Changes the weights `[head, query, key]` of every block in place.
    """
    states = [tokens]
    with torch.no_grad():
        for block in model.blocks:
            x = states[-1][None]
            if "Post" in type(block).__name__:
                x = x + block.norm1(_attention(block.attn, x, change))
                x = x + block.norm2(block.mlp(x))
            else:
                x = x + block.ls1(_attention(block.attn, block.norm1(x), change))
                x = x + block.ls2(block.mlp(block.norm2(x)))
            states.append(x[0])
    return states


def _attention(attn: torch.nn.Module, x: torch.Tensor, change: Callable) -> torch.Tensor:
    q, k, v = attn.qkv(x)[0].unflatten(-1, (3, attn.num_heads, -1)).unbind(1)
    out = torch.empty_like(q)
    pattern = torch.stack(
        [(q[:, h] @ k[:, h].T / q.shape[-1] ** 0.5).softmax(-1) for h in range(attn.num_heads)]
    )
    change(pattern)
    for h in range(attn.num_heads):
        out[:, h] = pattern[h] @ v[:, h]
    return attn.proj(out.flatten(1))[None]
