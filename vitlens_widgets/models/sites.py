"""The named places in a forward pass, and how one of them is found in a module.

Names and shapes are TransformerLens' (Nanda & Bloom, 2022). With `L` blocks, each of these stands
in every block `0 .. L-1`:

| site | shape | what it is |
|---|---|---|
| `resid_pre` | `[image, token, d]` | the residual stream before the block: state k for block k |
| `q`, `k`, `v` | `[image, token, head, d_head]` | queries and keys as they meet; values |
| `attn_scores` | `[image, head, query, key]` | scaled query-key products, before the softmax |
| `pattern` | `[image, head, query, key]` | attention weights: each row sums to 1 |
| `z` | `[image, token, head, d_head]` | `pattern @ v`, before the output projection |
| `attn_out` | `[image, token, d]` | what attention adds to the stream, layer scale included |
| `resid_mid` | `[image, token, d]` | the stream between attention and MLP |
| `mlp_pre` | `[image, token, d_mlp]` | the MLP's neurons before the activation |
| `mlp_post` | `[image, token, d_mlp]` | the MLP's neurons after the activation |
| `mlp_out` | `[image, token, d]` | what the MLP adds to the stream, layer scale included |
| `resid_post` | `[image, token, d]` | the stream after the block: state k + 1 for block k |
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

TAPPED_SITES = (
    "resid_pre",
    "q",
    "k",
    "v",
    "z",
    "attn_out",
    "resid_mid",
    "mlp_pre",
    "mlp_post",
    "mlp_out",
    "resid_post",
)
"""Sites that a module's input or output shows during the forward pass."""

DERIVED_SITES = ("attn_scores", "pattern")
"""Sites computed from q and k afterwards, so that the model keeps its fused attention."""

SITES = (*TAPPED_SITES, *DERIVED_SITES)


def _as_it_is(value: Tensor) -> Tensor:
    return value


@dataclass(frozen=True)
class Tap:
    """Where one site of one block shows: the input or the output of a module.

    Args:
        module: The module to watch.
        side: Whether its first input or its (first) output is the site.
        shape: Brings that tensor into the site's own shape. Always a view, so that what is
            written into the site is written into the tensor.
    """

    module: nn.Module
    side: Literal["input", "output"]
    shape: Callable[[Tensor], Tensor] = _as_it_is


def split_heads(n_heads: int) -> Callable[[Tensor], Tensor]:
    """`[image, token, head * d_head]` seen as `[image, token, head, d_head]`."""
    return lambda value: value.unflatten(-1, (n_heads, -1))


def heads_after_tokens(value: Tensor) -> Tensor:
    """`[image, head, token, d_head]` seen as `[image, token, head, d_head]`."""
    return value.transpose(1, 2)
