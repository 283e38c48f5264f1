"""What is measured of a head or a state: its picture, or the embedding that is decoded."""

from __future__ import annotations

from collections.abc import Sequence

PICTURE, EMBEDDING = "picture", "embedding"
OF_OTHER, RANDOM = " of another image", " of a random direction"


def kinds(painter: object | None) -> list[str]:
    """Pictures where there is a painter, and embeddings."""
    return [EMBEDDING] if painter is None else [PICTURE, EMBEDDING]


def with_nulls(some: Sequence[str]) -> list[str]:
    """Some kinds of the thing itself, of another image, and of a random direction."""
    return [f"{kind}{null}" for null in ("", OF_OTHER, RANDOM) for kind in some]
