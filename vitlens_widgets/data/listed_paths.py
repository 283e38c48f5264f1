"""Long lists of (path, class), which take little room and time on their way to another process.

As a million tuples they are fifty megabytes, which take minutes to write and to read; names in one
text and classes as numbers are ten, compressed, and a second or two.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vitlens_widgets.kinds import is_tuple

_APART = "\0"
"""Stands in no path."""
_CODED = ("utf-8", "surrogatepass")
"""Names of files that are no text are read with surrogates in them."""
_KINDS: tuple[Any, ...] = (str, type(Path()))
"""A path of another one may know more than its text says."""


class ListedPaths:
    """A sequence of (path, class).

    Args:
        names: The paths as text.
        kind: What makes paths of them, such as `Path` or `str`.
        classes: All classes that there are.
        codes: Which of them each has, int `[path]`.
    """

    def __init__(
        self,
        names: Sequence[str],
        kind: Callable[[str], Any],
        classes: Sequence[Any],
        codes: np.ndarray,
    ) -> None:
        self._names, self._kind, self._classes, self._codes = names, kind, classes, codes

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, number: int) -> tuple[Any, Any]:
        return self._kind(self._names[number]), self._classes[self._codes[number]]

    def __reduce__(self) -> tuple[Callable[..., ListedPaths], tuple[Any, ...]]:
        """Compressed."""
        names = zlib.compress(_APART.join(self._names).encode(*_CODED), 1)
        codes = zlib.compress(self._codes.tobytes(), 1)
        return _unpacked, (names, self._kind, self._classes, codes)


def _unpacked(
    names: bytes, kind: Callable[[str], Any], classes: Sequence[Any], codes: bytes
) -> ListedPaths:
    every = zlib.decompress(names).decode(*_CODED).split(_APART)
    return ListedPaths(every, kind, classes, np.frombuffer(zlib.decompress(codes), np.uint32))


def as_listed_paths(items: Any) -> ListedPaths | None:
    """A list of (path, class) as such a sequence; None for what is, or holds, anything else."""
    if type(items) not in (list, tuple):
        return None
    kind_of: Callable[[Any], Any] = type
    first: Any = items[0][0] if is_tuple(items[0]) and items[0] else None
    if not isinstance(first, (str, Path)) or type(first) not in _KINDS:
        return None
    kind = type(first)
    known: dict[Any, int] = {}
    names: list[str] = []
    codes: list[int] = []
    every: Sequence[Any] = items
    for item in every:
        if not (is_tuple(item) and len(item) == 2 and kind_of(item[0]) is kind):
            return None
        path, label = item
        try:
            codes.append(known.setdefault((kind_of(label), label), len(known)))
        except TypeError:  # no class is a list
            return None
        names.append(str(path))
    if any(_APART in name for name in names):
        return None
    return ListedPaths(names, kind, [label for _, label in known], np.array(codes, np.uint32))
