"""A tiny model of images and texts, in the very format of the embedded one, of random weights."""

from __future__ import annotations

from pathlib import Path

import torch

from vitlens_widgets.world.clip import CLIPDesign
from vitlens_widgets.world.training.match import Match
from vitlens_widgets.world.weights import save_weights

TINY = CLIPDesign(
    layers=2, width=24, heads=2, text_layers=2, text_width=16, text_heads=2, shared=20
)


def small_clip(folder: Path) -> Path:
    """Its weights file."""
    torch.manual_seed(3)
    task = Match(TINY)
    return save_weights(
        task.make_model(), folder / "model.safetensors", {**task.facts(), "images": 0}
    )
