"""What workers are sent: bytes with a name, unpacked once in each of them.

A model goes apart from what is measured on it, by its recipe or by its weights, so that it is the
same for many experiments; whatever else holds a part of it finds that part in the worker's copy.
"""

from __future__ import annotations

import copyreg
import hashlib
import io
import pickle
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, cast

import cloudpickle
import torch
from torch import Tensor, nn

from vitlens_widgets.errors import UsageError, counted
from vitlens_widgets.models.foreign import Foreign
from vitlens_widgets.models.live import Live
from vitlens_widgets.workers.device import own_device

SMALL = 200_000
"""Bytes that go with every order; more is written to a file, or sent to who asks for it."""


@dataclass(frozen=True)
class Parcel:
    """Something packed.

    Attributes:
        key: By what it is known.
        path: The file that has it; "" where there is none.
        content: The bytes, where they go along.
    """

    key: str
    path: str = ""
    content: bytes | None = None

    def read(self) -> bytes | None:
        """The bytes; None where this machine has them not."""
        if self.content is not None:
            return self.content
        try:
            return Path(self.path).read_bytes() if self.path else None
        except OSError:
            return None

    def with_content(self) -> Parcel:
        """The same, with the bytes."""
        return replace(self, content=self.read())


def packed(what: Any, model: nn.Module, folder: Path) -> Parcel:
    """A parcel of anything, in which the parts of a model are but named.

    Args:
        what: What is packed.
        model: Whose parts the worker has.
        folder: For its file, if it is large.

    Raises:
        UsageError: It cannot be packed.
    """
    file = io.BytesIO()
    pack(what, file, model)
    content = file.getvalue()
    key = hashlib.sha256(content).hexdigest()
    if len(content) <= SMALL:
        return Parcel(key, content=content)
    path = folder / f"{key}.parcel"
    path.write_bytes(content)
    return Parcel(key, str(path))


def pack(what: Any, file: IO[bytes], model: nn.Module | None = None) -> None:
    """Write anything to a file, functions of a notebook among it.

    Raises:
        UsageError: It cannot be packed.
    """
    try:
        _Packer(file, model).dump(what)
    except Exception as error:  # whatever a class of the user's says
        raise UsageError(
            f"executor= sends what is measured to other processes, and this cannot be sent "
            f"({type(error).__name__}: {error}); leave executor= out to run in this one."
        ) from error


def unpacked(content: bytes, model: nn.Module | None = None) -> Any:
    """What was packed, with the parts of a model in their places."""
    return _Unpacker(io.BytesIO(content), model).load()


def check_light(data: Any, most: int) -> None:
    """Refuse a data set that holds its images itself.

    Args:
        data: The data set.
        most: Bytes that it may take.

    Raises:
        UsageError: It takes more, can only be gone through from the beginning, or holds something
            that cannot be sent.
    """
    instead = (
        "executor= takes data sets that other processes read themselves: save the images in a "
        "folder for vl.data.ImageFolder(folder), give vl.data.Examples([(path, class), ...], "
        "labels), or leave executor= out."
    )
    if getattr(data, "forward_alone", False):
        raise UsageError(f"{data!r} can only be gone through from its first image on; {instead}")
    counting = _Counting(most)
    try:
        _Packer(counting, None).dump(data)
    except _TooMuchError:
        megabytes = counted(most // 1_000_000, "megabyte")
        raise UsageError(f"{data!r} holds more than {megabytes} itself; {instead}") from None
    except Exception as error:  # whatever a class of the user's says
        cause = f"({type(error).__name__}: {error})"
        raise UsageError(f"{data!r} cannot be sent {cause}; {instead}") from error


class _TooMuchError(Exception):
    """More was written than may be."""


class _Counting(io.RawIOBase):
    """A file that keeps nothing, and ends what writes too much."""

    def __init__(self, most: int) -> None:
        self._left = most

    def writable(self) -> bool:
        return True

    def write(self, part: Any) -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
        n_bytes = memoryview(part).nbytes
        self._left -= n_bytes
        if self._left < 0:
            raise _TooMuchError
        return n_bytes


class _Packer(cloudpickle.Pickler):
    """Packs what belongs to a model in memory, too, and numbers of a GPU so that any device can."""

    def __init__(self, file: IO[bytes] | io.RawIOBase, model: nn.Module | None) -> None:
        super().__init__(file, protocol=5)
        self._places: Mapping[int, tuple[str, str]] = {} if model is None else _places(model)

    def persistent_id(self, obj: Any) -> tuple[str, str] | None:
        """The name of a part of the model; None for anything else."""
        is_part = isinstance(obj, (nn.Module, Tensor))
        return self._places.get(id(obj)) if is_part else None

    def reducer_override(self, obj: Any) -> Any:
        """How it is packed, where its class does not say."""
        if isinstance(obj, Live):
            return copyreg.__newobj__, (type(obj),), vars(obj)  # pyright: ignore[reportAttributeAccessIssue]
        if isinstance(obj, Tensor) and obj.device.type not in ("cpu", "meta"):
            is_weight = isinstance(obj, nn.Parameter)
            return _on_own_device, (obj.detach().cpu(), is_weight, obj.requires_grad)
        if isinstance(obj, torch.device) and obj.type not in ("cpu", "meta"):
            return own_device, ()
        return cast("Any", super()).reducer_override(obj)


class _Unpacker(pickle.Unpickler):
    def __init__(self, file: IO[bytes], model: nn.Module | None) -> None:
        super().__init__(file)
        self._model = model

    def persistent_load(self, pid: tuple[str, str]) -> Any:
        """The part of the model of this name."""
        kind, name = pid
        get = {"module": "get_submodule", "weight": "get_parameter", "buffer": "get_buffer"}[kind]
        return getattr(self._model, get)(name)


def _places(model: Foreign) -> Mapping[int, tuple[str, str]]:
    """The names of a model's parts, by their places in memory."""
    kinds: dict[str, Any] = {
        "buffer": model.named_buffers(),
        "weight": model.named_parameters(),
        "module": model.named_modules(),
    }
    return {id(part): (kind, name) for kind, parts in kinds.items() for name, part in parts}


def _on_own_device(values: Tensor, is_weight: bool, requires_grad: bool) -> Tensor:
    moved = values.to(own_device())
    if is_weight:
        return nn.Parameter(moved, requires_grad)
    return moved.requires_grad_(requires_grad)
