"""The paper's experiment in small: its models with few and random weights, and an ImageNet-S."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest
import timm

from tests.imagenet_s import write_imagenet_s
from tests.notebooks.cells import run
from tests.small_models import shaken
from vitlens_widgets.zoo import load, paper

MODELS = ["ViT-B/32", "ViT-B/16", "ViT-L/16", "MIIL", "GAP"]
"""Those that timm's hub has."""

TWO = ("ViT-B/32", "GAP")
"""With CLS and without."""

N_IMAGES = 10
"""In the small ImageNet-S, of the classes that have five."""


def _narrow(architecture: str, **words: Any) -> Any:
    """Instead of fetching: as many blocks, tokens and classes as the architecture has."""
    narrow = {"embed_dim": 24, "num_heads": 2, "num_classes": 1000}
    return load(shaken(timm.create_model(architecture, **narrow)), **words)


def run_on_imagenet_s(
    stem: str, folder: Path, monkeypatch: pytest.MonkeyPatch, only: Collection[str] | None = None
) -> dict[str, Any]:
    """Runs a notebook with its variable `IMAGENET_S` set, on two of the models.

    Args:
        stem: The notebook's name.
        folder: Where ImageNet-S is written, and runs are saved.
        monkeypatch: Stands in for the hub.
        only: The cells to run, by their ids; these alone have all models. All by default.

    Returns:
        What `cells.run` does.
    """
    monkeypatch.setattr(paper, "load", _narrow)
    monkeypatch.chdir(folder)
    if not (folder / "ImageNetS50").exists():
        write_imagenet_s(folder / "ImageNetS50")

    def change(source: str) -> str:
        source = source.replace("IMAGENET_S = None", 'IMAGENET_S = "ImageNetS50"')
        return source if only else source.replace("if not one.from_file", f"if name in {TWO}")

    return run(stem, only, change)
