"""What kind of thing something is, asked so that a type checker knows what its parts are, too.

After `isinstance(given, tuple)` it takes the parts of what was `Any` for unknown, and with them
everything that is made of them; after `is_tuple(given)` they are `Any`, as they were.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from typing_extensions import TypeIs


def is_tuple(given: object) -> TypeIs[tuple[Any, ...]]:
    """Whether it is a tuple."""
    return isinstance(given, tuple)


def is_several(given: object) -> TypeIs[list[Any] | tuple[Any, ...]]:
    """Whether it is a list or a tuple."""
    return isinstance(given, (list, tuple))


def is_mapping(given: object) -> TypeIs[Mapping[Any, Any]]:
    """Whether it is a mapping: a dict, a row of a table."""
    return isinstance(given, Mapping)


def is_path(given: object) -> TypeIs[str | os.PathLike[str]]:
    """Whether it is the path of a file."""
    return isinstance(given, (str, os.PathLike))


def is_array(given: object) -> TypeIs[np.ndarray]:
    """Whether it is an array of NumPy's."""
    return isinstance(given, np.ndarray)


def is_binary(given: object) -> TypeIs[bytes | bytearray | memoryview]:
    """Whether it is bytes, in whichever of Python's three forms."""
    return isinstance(given, (bytes, bytearray, memoryview))
