"""Parts as arrays of a file, and back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from vitlens_widgets.workers.order import Part


def as_arrays(parts: Iterable[Part]) -> dict[str, Any]:
    """What `np.savez` writes of parts; nothing of none."""
    parts = list(parts)
    words = [(part.start, part.stop, list(part.digests)) for part in parts]
    arrays: dict[str, Any] = {"ahead": json.dumps(words)} if words else {}
    for part in parts:
        named = {f"at {part.start} of {name}": value for name, value in part.tallies.items()}
        arrays |= named
    return arrays


def of_arrays(arrays: Mapping[str, np.ndarray]) -> list[Part]:
    """The parts among the arrays of a file."""
    found: list[Part] = []
    for start, stop, digests in json.loads(str(arrays.get("ahead", "[]"))):
        head = f"at {start} of "
        own = {n.removeprefix(head): a for n, a in arrays.items() if n.startswith(head)}
        found.append(Part(start, stop, own, digests))
    return found
