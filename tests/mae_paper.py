"""A masked autoencoder after the paper and its published code, in plain torch, as an oracle.

He et al. (2022); names of weights and order of steps are those of `models_mae.py`.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

EPS = 1e-6


def sin_cos_positions(rows: int, cols: int, width: int) -> np.ndarray:
    """`get_2d_sincos_pos_embed`: [patch, width], row by row, columns' waves first."""
    across, down = np.meshgrid(np.arange(cols, dtype=float), np.arange(rows, dtype=float))
    return np.concatenate([_waves(across.ravel(), width // 2), _waves(down.ravel(), width // 2)], 1)


def _waves(place: np.ndarray, width: int) -> np.ndarray:
    omega = 1.0 / 10000 ** (np.arange(width // 2) / (width / 2.0))
    angles = np.einsum("m,d->md", place, omega)
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)


def random_weights(
    width=32, layers=3, patch=4, side=24, decoder_width=16, decoder_layers=2, seed=0
) -> dict[str, Tensor]:
    """Random weights under the published names; without a decoder if `decoder_layers` is 0."""
    generator = torch.Generator().manual_seed(seed)

    def random(*shape: int, scale: float = 0.1, base: float = 0.0) -> Tensor:
        return base + scale * torch.randn(*shape, generator=generator)

    def linear(name: str, n_in: int, n_out: int) -> dict[str, Tensor]:
        return {f"{name}.weight": random(n_out, n_in), f"{name}.bias": random(n_out)}

    def norm(name: str, n: int) -> dict[str, Tensor]:
        return {f"{name}.weight": random(n, base=1.0), f"{name}.bias": random(n)}

    def block(name: str, n: int) -> dict[str, Tensor]:
        parts = norm(f"{name}.norm1", n) | linear(f"{name}.attn.qkv", n, 3 * n)
        parts |= linear(f"{name}.attn.proj", n, n) | norm(f"{name}.norm2", n)
        return parts | linear(f"{name}.mlp.fc1", n, 4 * n) | linear(f"{name}.mlp.fc2", 4 * n, n)

    grid = side // patch
    weights = {
        "cls_token": random(1, 1, width),
        "pos_embed": _with_cls(grid, width),
        "patch_embed.proj.weight": random(width, 3, patch, patch),
        "patch_embed.proj.bias": random(width),
        **norm("norm", width),
    }
    for i in range(layers):
        weights |= block(f"blocks.{i}", width)
    if decoder_layers:
        weights["mask_token"] = random(1, 1, decoder_width)
        weights["decoder_pos_embed"] = _with_cls(grid, decoder_width)
        weights |= linear("decoder_embed", width, decoder_width)
        weights |= norm("decoder_norm", decoder_width)
        weights |= linear("decoder_pred", decoder_width, patch * patch * 3)
        for i in range(decoder_layers):
            weights |= block(f"decoder_blocks.{i}", decoder_width)
    return weights


def _with_cls(grid: int, width: int) -> Tensor:
    patches = torch.from_numpy(sin_cos_positions(grid, grid, width)).float()
    return torch.cat([torch.zeros(1, width), patches])[None]


def random_masking(n_images: int, n_patches: int, ratio: float, seed: int):
    """(ids_keep, ids_restore, mask): 1 is removed; per-sample shuffling by the order of noise."""
    torch.manual_seed(seed)
    len_keep = int(n_patches * (1 - ratio))
    noise = torch.rand(n_images, n_patches)
    ids_shuffle = torch.argsort(noise, dim=1)
    ids_restore = torch.argsort(ids_shuffle, dim=1)
    mask = torch.ones(n_images, n_patches)
    mask[:, :len_keep] = 0
    return ids_shuffle[:, :len_keep], ids_restore, torch.gather(mask, 1, ids_restore)


def paintings(
    weights: dict[str, Tensor],
    images: Tensor,
    ids_keep: Tensor,
    ids_restore: Tensor,
    heads: int,
    decoder_heads: int,
    norm: bool = True,
) -> list[Tensor]:
    """What the decoder predicts from each state of the encoder, `[image, patch, p * p * 3]`."""
    w = weights
    patch = w["patch_embed.proj.weight"].shape[-1]
    x = functional.conv2d(images, w["patch_embed.proj.weight"], w["patch_embed.proj.bias"], patch)
    x = x.flatten(2).transpose(1, 2) + w["pos_embed"][:, 1:]
    x = torch.stack([tokens[keep] for tokens, keep in zip(x, ids_keep, strict=True)])
    cls = (w["cls_token"] + w["pos_embed"][:, :1]).expand(len(x), -1, -1)
    states = [torch.cat([cls, x], dim=1)]
    for i in range(_count(w, "blocks.")):
        states.append(_block(w, f"blocks.{i}", states[-1], heads))
    return [_decode(w, s, ids_restore, decoder_heads, norm) for s in states]


def _decode(w: dict[str, Tensor], x: Tensor, restore: Tensor, heads: int, norm: bool) -> Tensor:
    x = _norm(w, "norm", x) if norm else x
    x = _linear(w, "decoder_embed", x)
    full = []
    for tokens, places in zip(x, restore, strict=True):
        hidden = w["mask_token"][0].expand(len(places) + 1 - len(tokens), -1)
        line = torch.cat([tokens[1:], hidden])
        full.append(torch.cat([tokens[:1], line[places]]))
    x = torch.stack(full) + w["decoder_pos_embed"]
    for i in range(_count(w, "decoder_blocks.")):
        x = _block(w, f"decoder_blocks.{i}", x, heads)
    return _linear(w, "decoder_pred", _norm(w, "decoder_norm", x))[:, 1:]


def unpatchify(patches: Tensor, rows: int, cols: int) -> Tensor:
    """`nhwpqc->nchpwq`: patches as pictures `[image, colour, height, width]`."""
    side = round((patches.shape[2] / 3) ** 0.5)
    x = patches.reshape(len(patches), rows, cols, side, side, 3)
    x = torch.einsum("nhwpqc->nchpwq", x)
    return x.reshape(len(patches), 3, rows * side, cols * side)


def _block(w: dict[str, Tensor], name: str, x: Tensor, heads: int) -> Tensor:
    n, length, width = x.shape
    qkv = _linear(w, f"{name}.attn.qkv", _norm(w, f"{name}.norm1", x))
    q, k, v = qkv.reshape(n, length, 3, heads, width // heads).permute(2, 0, 3, 1, 4)
    attention = (q @ k.transpose(-2, -1) * (width // heads) ** -0.5).softmax(dim=-1)
    z = (attention @ v).transpose(1, 2).reshape(n, length, width)
    x = x + _linear(w, f"{name}.attn.proj", z)
    inner = functional.gelu(_linear(w, f"{name}.mlp.fc1", _norm(w, f"{name}.norm2", x)))
    return x + _linear(w, f"{name}.mlp.fc2", inner)


def _linear(w: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]


def _norm(w: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    centred = x - x.mean(dim=-1, keepdim=True)
    scale = (centred.square().mean(dim=-1, keepdim=True) + EPS).sqrt()
    return centred / scale * w[f"{name}.weight"] + w[f"{name}.bias"]


def _count(w: dict[str, Tensor], prefix: str) -> int:
    return len({name.split(".")[1] for name in w if name.startswith(prefix)})
