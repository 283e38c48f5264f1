"""Arrays as little-endian bytes: the only form in which numbers in bulk go to the browser."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from vitlens_widgets.kinds import is_mapping
from vitlens_widgets.widgets.shared.seam import Numbers


def float32(array: Numbers | Sequence[Any]) -> bytes:
    """Numbers that are shown as exact values: 4 bytes each, NaN and infinities included."""
    return _bytes(array, "<f4")


def int32(array: Numbers | Sequence[Any]) -> bytes:
    """Counts and ranks: 4 bytes each."""
    return _bytes(array, "<i4")


def uint8(array: Numbers | Sequence[Any]) -> bytes:
    """Pixels: 1 byte each."""
    return _bytes(array, "u1")


def ids(array: Numbers | Sequence[Any], count: int) -> bytes:
    """Indices below `count`: 2 bytes each when they fit, otherwise 4; see `id_bytes`."""
    return _bytes(array, f"<i{id_bytes(count)}")


def id_bytes(count: int) -> int:
    """Bytes one index below `count` takes: 2 or 4."""
    return 2 if count <= np.iinfo(np.int16).max + 1 else 4


def n_bytes(values: Iterable[Any]) -> int:
    """How many travel: bytes as they are, wherever they stand, and the rest as JSON."""
    return sum(map(_n_bytes_of, values))


def _n_bytes_of(value: Any) -> int:
    if is_mapping(value):
        return len(json.dumps(list(value))) + n_bytes(value.values())
    return len(value) if isinstance(value, bytes) else len(json.dumps(value))


def _bytes(array: Numbers | Sequence[Any], dtype: str) -> bytes:
    return np.ascontiguousarray(np.asarray(array), dtype=dtype).tobytes()
