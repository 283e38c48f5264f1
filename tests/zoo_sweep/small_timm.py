"""Any timm ViT by name, made small without changing what it computes: only sizes are cut."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import timm
import torch
from torch import Tensor, nn

MODULES = (
    "vision_transformer",
    "deit",
    "beit",
    "eva",
    "vision_transformer_relpos",
    "vision_transformer_hybrid",
    "naflexvit",
)
N_CLASSES = 11
GRID = (3, 5)


def names() -> list[str]:
    """Every architecture that timm registers in these modules."""
    return [name for module in MODULES for name in timm.list_models(module=module)]


def small(name: str, **overrides: Any) -> nn.Module:
    """The architecture two blocks deep on a 3 x 5 grid, narrow where its constructor allows."""
    full = _shallow(name)
    least = _least(full)
    refusals = []
    for width in _widths(full):
        try:
            return timm.create_model(name, **{**least, **width, **overrides})
        except (AssertionError, RuntimeError, TypeError) as error:
            refusals.append(f"{width}: {error}")
    raise AssertionError(f"{name} cannot be made small: {'; '.join(refusals)}")


def _shallow(name: str) -> nn.Module:
    """The architecture two blocks deep, otherwise whole; without memory where timm can."""
    for device in ("meta", "cpu"):  # older timm needs numbers while it builds
        with torch.device(device), suppress(RuntimeError):
            try:
                return timm.create_model(name, depth=2)
            except AssertionError:  # heads are given block by block
                return timm.create_model(name)
    raise AssertionError(f"{name} cannot be built")


def _least(full: nn.Module) -> dict[str, Any]:
    """Depth, image size and classes cut; a model without a classifier stays without one."""
    words: dict[str, Any] = {"depth": 2, "img_size": _size(full)}
    if full.num_classes:
        words["num_classes"] = N_CLASSES
    return words


def _size(full: nn.Module) -> tuple[int, int]:
    """(height, width) of the grid that models are made small with."""
    embedding = getattr(full, "patch_embed", None) or full.embeds  # NaFlexVit's
    rows, cols = embedding.feat_ratio(as_scalar=False)
    return GRID[0] * rows, GRID[1] * cols


def run_at(model: nn.Module) -> tuple[int, int] | None:
    """(height, width) to run at where the constructor forgets what it was told."""
    return _size(model) if hasattr(model, "embeds") else None


def _widths(full: nn.Module) -> list[dict[str, Any]]:
    """Narrower versions to try, the narrowest first; the last is the architecture's own."""
    narrow = [{"num_heads": 4, "embed_dim": 4 * d_head} for d_head in (16, 24, 64)]
    if len(full.blocks) != 2:  # key heads are given block by block: one block of each kind
        shared = any(block.attn.num_kv_groups > 1 for block in full.blocks)
        narrow = [{**words, "num_kv_heads": (4, 2 if shared else 4)} for words in narrow]
    return [*narrow, {}]


def forward(model: nn.Module, pixels: Tensor) -> Tensor | None:
    """timm's own answer; None where it gives all tokens, unpooled."""
    out = model(pixels)
    return out if out.ndim == 2 else None
