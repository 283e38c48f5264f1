"""`Found`: what a file of a sparse autoencoder holds, read without running any of its code."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import torch
from safetensors import safe_open
from torch import Tensor

from vitlens_widgets.errors import UsageError
from vitlens_widgets.features.saved import SavedSAE
from vitlens_widgets.kinds import is_mapping
from vitlens_widgets.models.saved_json import read_json
from vitlens_widgets.zoo.weights_file import Nothing, read_safely, read_torch

_LONGEST_LINE = 2**20
"""Bytes of a first line that is taken for a header."""


@dataclass(frozen=True)
class Found:
    """What is known of a sparse autoencoder before its format is.

    Attributes:
        name: What it was asked for as.
        path: The file of its weights.
        tensors: Those in it, by name.
        said: What the file beside it (`config.json`, `cfg.json`), its first line, or else the
            settings in it say, as plain values.
        has_header: Whether its first line says it.
    """

    name: str
    path: Path
    tensors: Mapping[str, Tensor]
    said: Mapping[str, Any]
    has_header: bool = False

    @classmethod
    def read(cls, name: str, weights: Path, config: Path | None) -> Found:
        """Read a file of weights, and the settings beside it if there are any.

        Raises:
            UsageError: It is damaged, or cannot be read safely.
        """
        said = {} if config is None else read_json(config)
        if weights.suffix.lower() == ".safetensors":
            return cls(name, weights, _dense(weights, read_safely(weights, _safetensors)), said)
        if (header := _header(weights)) is not None:
            tensors = read_safely(weights, lambda path: _after(path, header[1]))
            return cls(name, weights, _dense(weights, tensors), header[0], has_header=True)
        found = read_safely(weights, _by_torch)
        tensors, noted = _split(found)
        return cls(name, weights, _dense(weights, tensors), said or noted)

    def tensor(self, name: str) -> Tensor:
        """A tensor, in float32.

        Raises:
            UsageError: There is none of this name.
        """
        if name not in self.tensors:
            raise UsageError(
                f'{self.path} has no "{name}", which its format asks for; it has '
                f"{', '.join(list(self.tensors)[:8])}."
            )
        return self.tensors[name].float()


def is_own(path: Path) -> bool:
    """Whether a file is one that this package has written for an SAE."""
    if path.suffix.lower() != ".safetensors":
        return False
    try:
        file = safe_open(path, "pt")
        with file:
            return SavedSAE.key in cast("dict[str, str]", file.metadata() or {})
    except Exception:  # whoever reads it next says what is wrong with it
        return False


def _safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import torch as in_torch

    return in_torch.load_file(path)


def _header(path: Path) -> tuple[dict[str, Any], int] | None:
    """The first line if it is a JSON dict, and where the next begins."""
    with path.open("rb") as file:
        if file.read(1) != b"{":
            return None
        file.seek(0)
        line = file.readline(_LONGEST_LINE)
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return (dict(found), len(line)) if is_mapping(found) else None


def _by_torch(path: Path) -> Any:
    with path.open("rb") as file:
        _check_stored(file)
    return read_torch(path, _Settings)


def _after(path: Path, start: int) -> Any:
    """What torch wrote after a header: a dict of tensors, and nothing of another library."""
    with path.open("rb") as file:
        file.seek(start)
        rest = io.BytesIO(file.read())
    _check_stored(rest)
    return torch.load(rest, map_location="cpu", weights_only=True)


def _check_stored(file: IO[bytes]) -> None:
    """Refuse a zip that is packed, as torch writes none: a small one can unpack to terabytes."""
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as packed:
            if any(one.compress_type != zipfile.ZIP_STORED for one in packed.infolist()):
                raise ValueError("packed")
    file.seek(0)


class _Settings(Nothing):
    """Stands for the settings of a trainer, which a file keeps as an object: their plain values."""

    words: Mapping[str, Any] = {}

    def __setstate__(self, state: Any) -> None:
        """Only a dict of plain values is kept."""
        self.words = _plain(state) if is_mapping(state) else {}


def _plain(found: Mapping[Any, Any]) -> dict[str, Any]:
    """The words with a value that JSON can say."""
    kinds = (str, int, float, bool, type(None))
    return {
        key: value
        for key, value in found.items()
        if isinstance(key, str) and (isinstance(value, kinds) or _is_plain_dict(value))
    }


def _is_plain_dict(value: Any) -> bool:
    return is_mapping(value) and all(isinstance(one, (str, int, float)) for one in value.values())


def _split(found: Any) -> tuple[Any, dict[str, Any]]:
    """The dict of tensors, and the settings beside it: `cfg` or `config`, as authors call it."""
    if not is_mapping(found) or "state_dict" not in found:
        return found, {}
    noted: Any = found.get("cfg", found.get("config"))
    words = noted.words if isinstance(noted, _Settings) else noted
    return found["state_dict"], _plain(words) if is_mapping(words) else {}


def _dense(path: Path, found: Any) -> dict[str, Tensor]:
    """Its tensors by name, each of which lies in the file with all its numbers.

    Raises:
        UsageError: It holds something else, such as a whole module.
    """
    if not is_mapping(found) or not found:
        raise UsageError(
            f"{path} holds no dict of tensors, but a whole module or something else, which would "
            "have to be run to be read: where you trust it, load it by torch.load(path, "
            "weights_only=False) and save its module.state_dict() by torch.save."
        )
    tensors = {str(key): value for key, value in found.items() if isinstance(value, Tensor)}
    for name, tensor in tensors.items():
        dense = tensor.layout == torch.strided and not tensor.is_meta and not tensor.is_quantized
        if not dense or tensor.is_complex() or _exceeds(tensor):
            raise UsageError(
                f'{path} is damaged: "{name}" is not a plain tensor that lies in it whole.'
            )
    return tensors


def _exceeds(tensor: Tensor) -> bool:
    """Whether it counts more numbers than are kept: strides of 0 make terabytes of a few bytes."""
    return tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes()
