"""Files of weights: tensors by name, whoever wrote them. No code in a file is run."""

from __future__ import annotations

import argparse
import os
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.errors import UsageError, said
from vitlens_widgets.kinds import is_mapping

SUFFIXES = (".pth", ".pt", ".ckpt", ".bin", ".tar", ".safetensors", ".npz")
"""Of the files that are read."""
_DEEP = 3  # how many dicts a state dict may stand in


@dataclass(frozen=True)
class WeightsFile:
    """What a file holds.

    Attributes:
        path: Where it is.
        state_dicts: Each dict of weights in it by the keys under which it stands, joined by
            dots; "" for one that is the file itself.
        args: The arguments of its training, where it notes them; else empty.
        architecture: timm's name that its training noted; "" where there is none.
    """

    path: Path
    state_dicts: Mapping[str, Mapping[str, Tensor]]
    args: Mapping[str, Any]
    architecture: str = ""


def read_weights(path: str | os.PathLike[str]) -> WeightsFile:
    """Read a file of weights.

    Args:
        path: Written by torch (`.pth`, `.pt`, `.ckpt`, `.bin`, `.tar`), `.safetensors` or `.npz`.
            Of a file written by torch only tensors and plain values are read; where it names
            classes of other libraries (a trainer's settings), these are passed over.

    Raises:
        UsageError: There is no such file, or it holds no weights that can be read safely.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise UsageError(f"A file of weights is given by its path, not by {said(path)}.")
    path = Path(path).expanduser()
    if not path.is_file():
        raise UsageError(f"There is no file {path}.")
    return _as_file(path, read_safely(path, _READERS.get(path.suffix.lower(), read_torch)))


def read_safely(path: Path, read: Callable[[Path], Any]) -> Any:
    """What a reader finds in a file of other people's.

    Args:
        path: The file.
        read: The reader, which runs none of the file's code.

    Raises:
        UsageError: It cannot be read so.
    """
    try:
        return read(path)
    except Exception as error:  # whatever the readers of other people's files may raise
        raise UsageError(
            f"{path} is no file of weights that can be read safely: it is damaged, of another "
            "format, or holds objects whose code would have to run; save model.state_dict() by "
            f"torch.save or as .safetensors (read are {', '.join(SUFFIXES)})."
        ) from error


def _as_file(path: Path, found: Any) -> WeightsFile:
    state_dicts = dict(_state_dicts(found, "", 0))
    if not state_dicts:
        raise UsageError(
            f"{path} holds no weights that can be read: no dict of tensors by name is in it. Save "
            "model.state_dict() instead of the model itself."
        )
    noted: Mapping[str, Any] = found if is_mapping(found) else {}
    args = noted.get("args")
    args = args if is_mapping(args) else getattr(args, "__dict__", {})
    arch = noted.get("arch")
    return WeightsFile(path, state_dicts, args, arch if isinstance(arch, str) else "")


def _state_dicts(found: Any, at: str, depth: int) -> Iterator[tuple[str, dict[str, Tensor]]]:
    """Each dict of at least one tensor by its name, and where it stands."""
    if not is_mapping(found) or not all(isinstance(key, str) for key in found):
        return
    tensors = {key: value for key, value in found.items() if isinstance(value, Tensor)}
    if any("." in key for key in tensors):
        yield at, tensors
    for key, value in found.items():
        if depth < _DEEP and not isinstance(value, Tensor):
            yield from _state_dicts(value, f"{at}.{key}" if at else key, depth + 1)


def _safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import torch as in_torch

    return in_torch.load_file(path)


def _npz(path: Path) -> dict[str, Tensor]:
    """Arrays by name; Google's names, which have slashes, get dots."""
    with np.load(path, allow_pickle=False) as arrays:
        return {name.replace("/", "."): torch.from_numpy(arrays[name]) for name in arrays.files}


class Nothing:
    """Stands for an object of another library that a file names: holds nothing, does nothing."""

    def __new__(cls, *_: Any, **__: Any) -> Nothing:
        """One that is empty, whatever it was made of."""
        return super().__new__(cls)

    def __setstate__(self, _: Any) -> None:
        """What it held is dropped."""


def read_torch(path: Path, stands_for: type[Nothing] = Nothing) -> Any:
    """What torch wrote to a file: tensors and plain values.

    Args:
        path: The file.
        stands_for: What is put in the place of objects of other libraries.
    """
    names = []
    if zipfile.is_zipfile(path):
        names = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    named = [name for name in names if name != "argparse.Namespace"]
    nothing = [(type("Nothing", (stands_for,), {}), name) for name in named]
    with torch.serialization.safe_globals([argparse.Namespace, *nothing]):
        return torch.load(path, map_location="cpu", weights_only=True)


_READERS = {".safetensors": _safetensors, ".npz": _npz}
