"""What is taken out of a state along a direction, and where."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from vitlens_widgets.data import Example
from vitlens_widgets.data.checksums import of_example
from vitlens_widgets.lenses.fitted.kinds import kinds_of, spans
from vitlens_widgets.trace import ViT

How = Literal["resample", "mean"]
"""What stands along a direction afterwards: what another image has there, or the mean."""


def read_tokens(vit: ViT) -> list[int]:
    """The tokens that the readout may read: prefix tokens of that kind, patches unless none is."""
    kinds = kinds_of(vit)
    wanted = {"readout"} if vit.readout.prefix_alone else {"readout", "patch"}
    every = range(vit.layout.n_tokens)
    return [
        token
        for index, span in spans(vit, kinds)
        if kinds[index] in wanted
        for token in every[span]
    ]


def erased(tokens: Tensor, instead: Tensor, direction: Tensor) -> Tensor:
    """`h + v v' (other - h)`: what stands along v is that of something else.

    Args:
        tokens: `[image, token, d]`.
        instead: What broadcasts to it.
        direction: v, of length 1, `[d]`.
    """
    return tokens + ((instead - tokens) @ direction)[..., None] * direction


def donors(examples: Sequence[Example], n: int) -> list[int]:
    """Which of n images stands in for each of these: drawn, and the same for the same image."""
    digests = (hashlib.sha256(of_example(one).encode()).digest() for one in examples)
    return [int.from_bytes(digest[:8], "big") % n for digest in digests]


def put_in(states: Tensor, tokens: Tensor, where: Sequence[int]) -> Tensor:
    """States `[image, token, d]` with some tokens others."""
    index = torch.tensor(list(where), device=states.device)
    return states.index_copy(1, index, tokens.to(states))
