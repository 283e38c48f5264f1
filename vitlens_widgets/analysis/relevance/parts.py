"""What a method finds."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Parts(NamedTuple):
    """Relevance as a method finds it: the larger, the more a token speaks for the class."""

    tokens: Tensor
    """Over all blocks and heads, `[image, token]`."""
    heads: Tensor | None = None
    """In each head of each block, `[image, layer, head, token]`; None where nothing is said."""
