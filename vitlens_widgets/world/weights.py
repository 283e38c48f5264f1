"""Weights files: half-precision safetensors that note what they are.

Torch is loaded with the weights only, not to read what a file notes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open

from ..errors import UsageError

if TYPE_CHECKING:
    import torch
    from torch import nn


STEM = "model"
"""Of the files in a folder that holds one model."""


def save_weights(model: nn.Module, path: Path, facts: Mapping[str, Any]) -> Path:
    """Write a trained model in half precision, with what is to be known of it."""
    from safetensors.torch import save_file

    halves = {name: value.half().contiguous() for name, value in model.state_dict().items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(halves, path, metadata={key: json.dumps(value) for key, value in facts.items()})
    return path


def trained_weights(path: Path) -> Path | None:
    """The weights file that this package has trained and `path` names; None for anything else.

    Args:
        path: The file, or the folder that `world.train` was given.
    """
    if path.is_dir() and not (path / "config.json").exists():
        path = path / f"{STEM}.safetensors"
    if path.suffix != ".safetensors" or not path.is_file():
        return None
    try:
        return path if "kind" in _noted(path) else None
    except SafetensorError:
        return None


def check_not_begun(folder: Path) -> None:
    """Refuse the folder of a training that has not come to its end.

    Raises:
        UsageError: It is one; what to call is named.
    """
    if (folder / f"{STEM}.checkpoint").exists():
        raise UsageError(
            f'{folder} holds a training that has not ended; call vl.world.train("{folder}", ...) '
            "as before, and it goes on from where it stopped."
        )


def given_name(weights: Path) -> str:
    """What a model is called whose weights lie in this file: the file, or the folder it fills."""
    return weights.resolve().parent.name if weights.stem == STEM else weights.stem


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """The weights of a file, float32."""
    from safetensors.torch import load_file

    return {name: value.float() for name, value in load_file(path).items()}


def read_facts(path: Path) -> dict[str, Any]:
    """What a weights file notes about itself."""
    return {key: json.loads(value) for key, value in _noted(path).items()}


def _noted(path: Path) -> dict[str, str]:
    with safe_open(path, framework="numpy") as file:
        return file.metadata() or {}
