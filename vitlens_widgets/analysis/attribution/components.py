"""The components of a model one after the other, each with what it adds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from vitlens_widgets.analysis.attribution.parts import Contributions

Kind = Literal["embedding", "head", "attention bias", "MLP", "edit", "constant"]


@dataclass(frozen=True)
class Component:
    """What writes to the stream, or is added whatever the stream is.

    Attributes:
        kind: Of which kind.
        name: For people: `"L3 H1"`, `"L3 MLP"`, `"norm bias"`.
        layer: Its block, if it is in one.
        head: Its head, if it is one.
    """

    kind: Kind
    name: str
    layer: int | None = None
    head: int | None = None


def components(parts: Contributions) -> list[tuple[Component, np.ndarray]]:
    """Every component with what it adds, `[row, image]`, in the order of the forward pass."""
    found = [(Component("embedding", name), values) for name, values in parts.embedding.items()]
    for layer in range(parts.heads.shape[2]):
        found += _of_layer(parts, layer)
    return found + [(Component("constant", name), one) for name, one in parts.constants.items()]


def _of_layer(parts: Contributions, layer: int) -> Iterator[tuple[Component, np.ndarray]]:
    for head in range(parts.heads.shape[3]):
        name = f"L{layer} H{head}"
        yield Component("head", name, layer, head), parts.heads[:, :, layer, head]
    bias = Component("attention bias", f"L{layer} attention bias", layer)
    yield bias, parts.attention_biases[:, :, layer]
    if parts.mlps is not None:
        yield Component("MLP", f"L{layer} MLP", layer), parts.mlps[:, :, layer]
    if parts.edits is not None:
        yield Component("edit", f"L{layer} edits", layer), parts.edits[:, :, layer]


def curve(parts: Contributions) -> np.ndarray:
    """The answer as it is put together, `[row, image, 2 L + 2]`: the last step adds the constants.

    Source: ViT-Prisma (Joseph & Nanda, 2024), main demo: `accumulated_resid` with `incl_mid`.
    """
    return np.concatenate([parts.cumulative, parts.logits[:, :, None]], axis=2)


def places(n_layers: int) -> list[str]:
    """What the points of `curve` are called: `0`, `0.5`, ..., `L`, `bias`."""
    return [*(f"{k / 2:g}" for k in range(2 * n_layers + 1)), "bias"]
