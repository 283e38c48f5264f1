"""`SavedLens`: a lens as it lies in a file, and by what it is known again."""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, cast

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from vitlens_widgets.errors import UsageError
from vitlens_widgets.files import path_for, write_whole
from vitlens_widgets.trace import ViT
from vitlens_widgets.trace.fingerprint import agree, fingerprint, fingerprint_at_any_size

if TYPE_CHECKING:
    from typing_extensions import Self

SCHEMA = 3
"""Of the file. A reader refuses any other number."""


@dataclass(frozen=True)
class SavedLens:
    """What a file says of a lens: safetensors, in whose metadata all but the tensors stands.

    Attributes:
        lens: The name of its class.
        model: What its model was loaded as.
        fingerprint: Of that model (`trace.fingerprint`).
        settings: The other arguments of its class, by name.
        tensors: Those that are tensors.
        size: That of the model's images, and by what the model is known at any other
            (`trace.fingerprint`); empty where a file does not say.
    """

    key: ClassVar[str] = "vitlens_widgets lens"
    """Under which it stands in the file's metadata."""
    thing: ClassVar[str] = "lens"
    """What the file holds, and what a sentence calls its writer."""

    lens: str
    model: str
    fingerprint: dict[str, Any]
    settings: dict[str, Any]
    tensors: dict[str, Tensor] = field(repr=False)
    size: dict[str, Any] = field(default_factory=dict[str, Any])

    @classmethod
    def of(cls, lens: Any) -> Self:
        """A lens whose class keeps every argument of `__init__` under the argument's own name.

        Raises:
            UsageError: One is not kept so, or is neither a tensor nor what JSON can say.
        """
        kept = {name: _kept(lens, name) for name in _arguments(lens)}
        tensors = {name: value for name, value in kept.items() if isinstance(value, Tensor)}
        settings = {name: value for name, value in kept.items() if name not in tensors}
        return cls.about(lens, settings, tensors)

    @classmethod
    def about(cls, lens: Any, settings: dict[str, Any], tensors: dict[str, Tensor]) -> Self:
        """What is known of something by these arguments, and of its model."""
        vit: ViT = lens.vit
        size = {"image_size": list(vit.image_size), "at_any": fingerprint_at_any_size(vit)}
        return cls(type(lens).__name__, vit.name, fingerprint(vit), settings, tensors, size)

    @property
    def identity(self) -> dict[str, Any]:
        """By which the lens is told from others, in JSON's types; `trace.fingerprint.agree`."""
        own = _sum_of(self.settings, self._written)
        return {"lens": self.lens, "model": self.fingerprint, "sum": own}

    @property
    def _written(self) -> dict[str, Tensor]:
        return {name: t.detach().cpu().contiguous().clone() for name, t in self.tensors.items()}

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the file.

        Raises:
            UsageError: It cannot be written there.
        """
        place = path_for(path, f"{self.thing}.safetensors")
        about = {"schema": SCHEMA, **{k: v for k, v in vars(self).items() if k != "tensors"}}
        tensors = self._written
        about["sum"] = _sum_of(about, tensors)
        write_whole(place, save(tensors, {self.key: json.dumps(about)}))

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """Read a file; no code in it is run.

        Raises:
            UsageError: There is no such file, it holds no lens, is damaged, or is of another
                schema.
        """
        if not Path(path).is_file():
            raise UsageError(f"There is no file {path}.")
        try:
            file = safe_open(path, "pt")
            with file:
                about = dict(json.loads(cast("dict[str, str]", file.metadata() or {})[cls.key]))
                names = cast("list[str]", file.keys())
                tensors = {name: cast("Tensor", file.get_tensor(name)) for name in names}
        except (SafetensorError, KeyError, ValueError, TypeError, OSError):
            raise UsageError(
                f"{path} holds no {cls.thing}; {cls.thing}.save(path) writes one."
            ) from None
        if (schema := about.get("schema")) != SCHEMA:
            raise UsageError(
                f"{path} was written by another version of the package (schema {schema}; this one "
                f"reads {SCHEMA}): make the {cls.thing} again and save it."
            )
        if about.pop("sum", None) != _sum_of(about, tensors):
            raise UsageError(
                f"{path} is damaged: it does not hold what was written to it; make the {cls.thing} "
                "again and save it."
            )
        del about["schema"]
        if set(about) | {"tensors", "size"} != {field.name for field in fields(cls)}:
            raise UsageError(f"{path} holds no {cls.thing}; {cls.thing}.save(path) writes one.")
        return cls(**about, tensors=tensors)

    def arguments_for(self, vit: ViT) -> dict[str, Any]:
        """The arguments of the lens's class beside the model, its tensors where the model is.

        Raises:
            UsageError: The lens was made for another model.
        """
        if not agree(self.fingerprint, fingerprint(vit)):
            self.refuse(vit)
        return self.arguments(vit)

    def arguments(self, vit: ViT) -> dict[str, Any]:
        """As `arguments_for`, of a model that is known to be the one."""
        return self.settings | {name: t.to(vit.device) for name, t in self.tensors.items()}

    def refuse(self, vit: ViT) -> NoReturn:
        """Say that it was made for another model.

        Raises:
            UsageError: Always.
        """
        own, its = self.size.get("image_size"), list(vit.image_size)
        if own not in (None, its) and self.size.get("at_any") == fingerprint_at_any_size(vit):
            (height, width), (rows, cols) = own, its
            raise UsageError(
                f"This {self.lens} was made for {self.model} at {height} x {width}, and {vit.name} "
                f"is loaded for images of {rows} x {cols}, of which its tokens say other things: "
                f"load it with image_size=({height}, {width}), or make the {self.thing} again."
            )
        raise UsageError(
            f"This {self.lens} was made for {self.model}, and {vit.name} is another model, or "
            "one with other weights, classes, prompts or hooks: load the one it was made for, "
            f"or make the {self.thing} again."
        )


def _sum_of(about: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of all that a file says, and of its tensors."""
    digest = sha256(json.dumps(about, sort_keys=True).encode())
    digest.update(save({name: tensors[name] for name in sorted(tensors)}))
    return digest.hexdigest()


def _arguments(lens: object) -> list[str]:
    """The names of its class's arguments after the model."""
    return list(inspect.signature(type(lens)).parameters)[1:]


def _kept(lens: Any, name: str) -> Any:
    """An argument as the lens keeps it."""
    if not hasattr(lens, name):
        raise UsageError(
            f"{type(lens).__name__} cannot be saved: it must keep its argument {name} as "
            f"self.{name}."
        )
    value = getattr(lens, name)
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value)
    try:
        return value if isinstance(value, Tensor) else json.loads(json.dumps(value))
    except TypeError:
        raise UsageError(
            f"{type(lens).__name__} cannot be saved: self.{name} is a {type(value).__name__}; a "
            "tensor, a number, a text, or a list or dict of these can be."
        ) from None
