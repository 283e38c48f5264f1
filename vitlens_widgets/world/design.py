"""The shape of a classifier of the world: what distinguishes one embedded network from another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import Self


class Noted:
    """A dataclass whose values a weights file notes."""

    __slots__ = ()

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Self:
        """The design among what a weights file notes; what it does not note is as by default."""
        return cls(**{f.name: facts[f.name] for f in fields(cls) if f.name in facts})


@dataclass(frozen=True, slots=True)
class Design(Noted):
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


P32 = Design()
"""The design of `toy/p32` and its twins."""
