"""Weights files: half-precision safetensors that note what they are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn


def save_weights(model: nn.Module, path: Path, facts: Mapping[str, Any]) -> Path:
    """Write a trained model in half precision, with what is to be known of it."""
    halves = {name: value.half().contiguous() for name, value in model.state_dict().items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(halves, path, metadata={key: json.dumps(value) for key, value in facts.items()})
    return path


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """The weights of a file, float32."""
    return {name: value.float() for name, value in load_file(path).items()}


def read_facts(path: Path) -> dict[str, Any]:
    """What a weights file notes about itself."""
    with safe_open(path, framework="numpy") as file:  # which loads no torch
        noted = file.metadata() or {}
    return {key: json.loads(value) for key, value in noted.items()}
