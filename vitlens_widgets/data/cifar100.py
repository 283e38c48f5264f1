"""CIFAR-100, from its binary file or from whatever reads its other ones."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from vitlens_widgets.data.examples import Example
from vitlens_widgets.data.image_folder import check_per_class, in_turn
from vitlens_widgets.data.labels import LabelSet
from vitlens_widgets.errors import UsageError, said
from vitlens_widgets.files import existing_path

_CLASSES, _SIDE = 100, 32
_RECORD = 2 + 3 * _SIDE * _SIDE
"""Bytes of an image in the binary file: its coarse class, its class, and its three channels."""


class CIFAR100:
    """Images of CIFAR-100, 32 x 32 pixels; read in turn, one of each class after the other.

    The subset of Vilas et al. (2023), 100 classes of 5 test images, is `CIFAR100.vilas(source)`.

    Args:
        source: A file of the binary version, such as `"cifar-100-binary/test.bin"`, or any sequence
            of (image, class) in the set's order, such as torchvision's.
        per_class: At most so many images of each class, the first in the set's order; None for all.

    Raises:
        UsageError: There is no such file, it is not in this format, or the sequence is none.

    Source:
        Krizhevsky (2009), "Learning Multiple Layers of Features from Tiny Images", and the format
        as it is described beside the files.

    Example:
        >>> data = CIFAR100.vilas("cifar-100-binary/test.bin")
        >>> data.count
        500
        >>> from torchvision.datasets import CIFAR100 as Theirs
        >>> data = CIFAR100.vilas(Theirs("data", train=False))
    """

    has_masks = False
    identity_says_all = True

    def __init__(
        self, source: str | os.PathLike[str] | Sequence[Any], per_class: int | None = None
    ) -> None:
        check_per_class(per_class)
        self.labels = LabelSet.known("cifar100")
        self._items = _Binary(source) if isinstance(source, (str, os.PathLike)) else source
        classes = _classes_of(self._items)
        of_each = [np.flatnonzero(classes == label)[:per_class] for label in range(_CLASSES)]
        self._numbers = [int(number) for number in in_turn(of_each)]
        self.count: int | None = len(self._numbers)

    @classmethod
    def vilas(cls, source: str | os.PathLike[str] | Sequence[Any]) -> CIFAR100:
        """What Vilas et al. (2023) measured on: the first 5 test images of each class.

        Args:
            source: The test images; see `CIFAR100`.
        """
        return cls(source, per_class=5)

    @cached_property
    def identity(self) -> dict[str, Any]:
        """See `Dataset`: the images themselves."""
        digest = hashlib.sha256()
        for number in range(len(self)):
            digest.update(np.ascontiguousarray(self[number].image).tobytes())
        return {"CIFAR-100": digest.hexdigest(), "count": self.count}

    def __getitem__(self, number: int) -> Example:
        """See `Dataset`."""
        at = self._numbers[number]
        image, label = self._items[at]
        return Example(image, self.labels.index(int(label)), name=f"image {at} of CIFAR-100")

    def __len__(self) -> int:
        return len(self._numbers)

    def __repr__(self) -> str:
        return f"CIFAR100({len(self)} images)"


class _Binary:
    """The (image, class) of a file of the binary version, read when they are asked for."""

    def __init__(self, file: str | os.PathLike[str]) -> None:
        path = existing_path(file)
        if not path.is_file():
            raise UsageError(
                f'There is no file {os.fspath(file)}; the binary version has "test.bin". Of the '
                "Python version, give what torchvision.datasets.CIFAR100 reads."
            )
        self._path = path
        size = path.stat().st_size
        if not size or size % _RECORD:
            raise UsageError(
                f"{path} is no file of CIFAR-100's binary version: that has {_RECORD} bytes for "
                f"each image, and this one {size} bytes."
            )
        self._records = np.memmap(path, np.uint8, "r").reshape(-1, _RECORD)
        self.targets = np.array(self._records[:, 1])
        if self.targets.max() >= _CLASSES:
            raise UsageError(f"{path} has a class {self.targets.max()}; CIFAR-100 has 0 to 99.")

    def __reduce__(self) -> tuple[type[_Binary], tuple[Path]]:
        """Sent to another process by its path: there the file is opened again."""
        return _Binary, (self._path,)

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, number: int) -> tuple[np.ndarray, int]:
        pixels = self._records[number, 2:].reshape(3, _SIDE, _SIDE)
        return np.array(pixels.transpose(1, 2, 0)), int(self.targets[number])


def _classes_of(items: Any) -> np.ndarray:
    """The class of each item, without opening images where a list of them is at hand."""
    if not (hasattr(items, "__len__") and hasattr(items, "__getitem__") and len(items)):
        raise UsageError(
            f"CIFAR100 takes a binary file's path or a sequence of (image, class), not "
            f"{said(items)}."
        )
    known = getattr(items, "targets", None)
    try:
        classes = np.array([items[i][1] for i in range(len(items))] if known is None else known)
    except (TypeError, KeyError, IndexError):
        classes = np.array([-1])
    if classes.dtype.kind not in "iu" or not np.isin(classes, range(_CLASSES)).all():
        raise UsageError("Each item of CIFAR-100 is (image, class), with a class from 0 to 99.")
    return classes
