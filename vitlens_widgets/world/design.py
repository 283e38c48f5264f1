"""The shape of a classifier of the world: what distinguishes one embedded network from another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Design:
    """A pre-norm ViT with a CLS token on 7 x 7 patches.

    Attributes:
        layers: Number of transformer blocks.
        width: Of the residual stream.
        heads: Attention heads per block.
        mlp: Whether blocks have an MLP after their attention.
    """

    layers: int = 6
    width: int = 192
    heads: int = 3
    mlp: bool = True

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Design:
        """The design among what a weights file notes; what it does not note is as above."""
        return cls(**{f.name: facts[f.name] for f in fields(cls) if f.name in facts})


P32 = Design()
"""The design of `toy/p32` and its twins."""
