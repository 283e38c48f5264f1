"""Weights files: half-precision safetensors that note what they are, such as a network's design.

Torch is loaded with the weights only, not to read what a file notes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from safetensors import SafetensorError, safe_open

from vitlens_widgets.errors import UsageError, said
from vitlens_widgets.files import made_folder, write_whole

if TYPE_CHECKING:
    import torch
    from torch import nn
    from typing_extensions import Self

STEM = "model"
"""Of the files in a folder that holds one model."""


MODEL_KINDS, DECODER_KINDS = ("classes", "infilling", "texts"), ("patch decoder", "flow decoder")
"""Kinds that weights files note: of what vl.load loads, and of what vl.load_decoder does."""


class Noted:
    """A dataclass whose values a weights file notes."""

    __slots__ = ()

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Self:
        """The design among what a weights file notes; what it does not note is as by default.

        Raises:
            UsageError: It notes something that is none, or lacks what has no default.
        """
        own = fields(cast("Any", cls))
        for one in own:
            noted = facts.get(one.name, one.default)
            if type(noted).__name__ != one.type or (type(noted) is int and noted < 1):
                what = "nothing" if noted is MISSING else said(noted)
                raise UsageError(
                    f"A weights file notes the {one.name} of its network, of type {one.type}; this "
                    f"one notes {what}."
                )
        return cls(**{f.name: facts[f.name] for f in own if f.name in facts})


@dataclass(frozen=True, slots=True)
class Design(Noted):
    """A pre-norm ViT with a CLS token on 7 x 7 patches.

    Attributes:
        layers: Number of transformer blocks.
        width: Of the residual stream.
        heads: Attention heads per block.
        mlp: Whether blocks have an MLP after their attention.
    """

    layers: int = 6
    width: int = 192
    heads: int = 3
    mlp: bool = True


P32 = Design()
"""The design of `toy/p32` and its twins."""


def save_weights(model: nn.Module, path: Path, facts: Mapping[str, Any]) -> Path:
    """Write a trained model in half precision, with what is to be known of it.

    Raises:
        UsageError: It cannot be written there.
    """
    from safetensors.torch import save

    halves = {name: value.half().contiguous() for name, value in model.state_dict().items()}
    noted = {key: json.dumps(value) for key, value in facts.items()}
    made_folder(path.parent)
    write_whole(path, save(halves, noted))
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


def name_of_weights(weights: Path) -> str:
    """What a model is called whose weights lie in this file: the file, or the folder it fills."""
    return weights.resolve().parent.name if weights.stem == STEM else weights.stem


def other_kind(path: Path, kind: object) -> UsageError:
    """What is said of a weights file of another kind than is asked for."""
    if kind in MODEL_KINDS:
        return UsageError(f"{said(str(path))} holds no decoder, but a model that vl.load loads.")
    if kind in DECODER_KINDS:
        return UsageError(
            f"{path.name} holds a decoder, which paints pictures and is no vision transformer; "
            f'vl.load_decoder("{path.as_posix()}") loads it.'
        )
    return UsageError(
        f"{path.name} notes that it is of the kind {said(kind)}, which this version of "
        "vitlens_widgets does not know."
    )


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """The weights of a file, float32."""
    from safetensors import torch as in_torch

    return {name: value.float() for name, value in in_torch.load_file(path).items()}


def read_facts(path: Path) -> dict[str, Any]:
    """What a weights file notes about itself.

    Raises:
        UsageError: That cannot be read.
    """
    try:
        return {key: json.loads(value) for key, value in _noted(path).items()}
    except ValueError as error:
        raise UsageError(f"What {path.name} notes about itself cannot be read: {error}.") from error


def _noted(path: Path) -> dict[str, str]:
    file = safe_open(path, framework="numpy")
    with file:
        return cast("dict[str, str]", file.metadata() or {})
