"""`ModelSource`: one kind of thing that `vl.load` takes, in one file of `zoo/sources`."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from torch import nn

from vitlens_widgets.errors import UsageError
from vitlens_widgets.files import existing_path


@dataclass(frozen=True)
class FromFile:
    """Weights in a file, for an architecture that was named.

    Args:
        path: The file.
        key: Which model of it, where it holds several.
        ignore: Names that begin with one of these are left in the file.
    """

    path: str | os.PathLike[str]
    key: str | None = None
    ignore: tuple[str, ...] = ()


@dataclass(frozen=True)
class Options:
    """What `vl.load` was told beside the source, as far as it changes how a model is built.

    Args:
        image_size: (height, width) to run at; None for the checkpoint's own.
        pretrained: Whether the checkpoint's weights are wanted, or random ones.
        model_args: For the library that builds the model.
        moves: `device` and `dtype`, None where they were not given.
        weights: The file that the weights are read from; None for the checkpoint's own.
    """

    image_size: tuple[int, int] | None
    pretrained: bool
    model_args: Mapping[str, Any]
    moves: Mapping[str, Any]
    weights: FromFile | None = None


class ModelSource(ABC):
    """One kind of thing that `vl.load` takes."""

    description: ClassVar[str]
    """What it takes, in words, with an example, for the sentence that lists all kinds."""

    takes_weights: ClassVar[bool] = False
    """Whether it names an architecture that can be filled from a file."""

    @abstractmethod
    def takes(self, source: Any) -> bool:
        """Whether this is such a thing; kinds that stand earlier in the list have not taken it.

        Args:
            source: A string or a module.
        """

    @abstractmethod
    def load(self, source: Any, options: Options) -> tuple[str, nn.Module]:
        """Its name, and the module.

        Raises:
            UsageError: It cannot be loaded, or not with these options.
        """

    def names(self) -> Iterable[str]:
        """Names that can be listed, of which the nearest to a misspelt one are proposed."""
        return ()


def path_of(source: str) -> Path:
    """The file or folder that a string may name."""
    return existing_path(source)


def check_as_trained(name: str, options: Options) -> None:
    """Refuse to change a model that this package has trained.

    Raises:
        UsageError: It was to run at another size, or to be built otherwise.
    """
    if options.image_size is not None or options.model_args:
        size = ["image_size"] if options.image_size is not None else []
        given = ", ".join([*size, *options.model_args])
        raise UsageError(f"{name} is used as it was trained and takes no {given}.")
