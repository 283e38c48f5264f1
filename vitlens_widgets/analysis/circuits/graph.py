"""`Graph`: who writes to the residual stream of a model, and who reads it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import numpy as np

from vitlens_widgets.errors import UsageError, as_list, did_you_mean, said
from vitlens_widgets.models import BaseViT

QKV = ("q", "k", "v")


@dataclass(frozen=True)
class Graph:
    """The components of a model as nodes, and an edge from each writer to each later reader.

    Senders are the embedding, every head and every MLP; readers are the queries, keys and values
    of every head apart, every MLP, and the logits. An edge is what a reader has in its input of a
    sender, through the residual stream and nobody else. ViT-B: 157 senders, 445 readers, 32,491
    edges.

    Args:
        n_layers: The number L of blocks.
        n_heads: Heads per block.
        has_mlp: Whether blocks have an MLP.
        side_by_side: Whether a block's MLP reads what its attention reads, not what that added.

    Source:
        Syed, Rager & Conmy (2023), arXiv 2310.10348, section 2.
    """

    n_layers: int
    n_heads: int
    has_mlp: bool = True
    side_by_side: bool = False

    @classmethod
    def of(cls, vit: BaseViT) -> Graph:
        """That of a model."""
        sites = vit.adapter.hook_points(0)
        has_mlp = "mlp_out" in sites
        return cls(vit.n_layers, vit.n_heads, has_mlp, has_mlp and "resid_mid" not in sites)

    @property
    def sent_by_block(self) -> int:
        """How many senders a block has."""
        return self.n_heads + self.has_mlp

    @property
    def read_by_block(self) -> int:
        """How many readers a block has."""
        return 3 * self.n_heads + self.has_mlp

    @property
    def n_senders(self) -> int:
        """How many write."""
        return 1 + self.n_layers * self.sent_by_block

    @property
    def n_readers(self) -> int:
        """How many read."""
        return self.n_layers * self.read_by_block + 1

    def before(self, layer: int) -> int:
        """How many senders wrote before a block: senders are numbered in the order they write."""
        return 1 + layer * self.sent_by_block

    def heads(self, layer: int) -> slice:
        """The senders that are heads of a block."""
        return slice(self.before(layer), self.before(layer) + self.n_heads)

    def mlp(self, layer: int) -> int:
        """The sender that is a block's MLP."""
        return self.before(layer) + self.n_heads

    def qkv(self, layer: int) -> slice:
        """The readers that are a block's queries, keys and values: `[q k v, head]`, flat."""
        first = layer * self.read_by_block
        return slice(first, first + 3 * self.n_heads)

    def reading_mlp(self, layer: int) -> int:
        """The reader that is a block's MLP."""
        return (layer + 1) * self.read_by_block - 1

    @property
    def logits(self) -> int:
        """The reader that is the answer, the last one."""
        return self.n_readers - 1

    def before_mlp(self, layer: int) -> int:
        """How many senders a block's MLP reads."""
        return self.before(layer) if self.side_by_side else self.heads(layer).stop

    @cached_property
    def senders(self) -> list[str]:
        """Their names: `embedding`, `L0 H0` .. `L0 MLP`, `L1 H0` .."""
        mlp = ["MLP"] if self.has_mlp else []
        kinds = [*(f"H{head}" for head in range(self.n_heads)), *mlp]
        blocks = (f"L{layer} {kind}" for layer in range(self.n_layers) for kind in kinds)
        return ["embedding", *blocks]

    @cached_property
    def readers(self) -> list[str]:
        """Their names: `L0 H0 q` .. `L0 H0 k` .. `L0 H0 v` .. `L0 MLP` .. `logits`."""
        heads = [f"H{head} {site}" for site in QKV for head in range(self.n_heads)]
        kinds = [*heads, *(["MLP"] if self.has_mlp else [])]
        return [*(f"L{k} {kind}" for k in range(self.n_layers) for kind in kinds), "logits"]

    @cached_property
    def of_reader(self) -> np.ndarray:
        """The sender that each reader belongs to, int64 `[reader]`; -1 for the logits."""
        found = np.full(self.n_readers, -1)
        for layer in range(self.n_layers):
            found[self.qkv(layer)] = np.tile(np.arange(self.n_senders)[self.heads(layer)], 3)
            if self.has_mlp:
                found[self.reading_mlp(layer)] = self.mlp(layer)
        return found

    @cached_property
    def allowed(self) -> np.ndarray:
        """Which edges there are, bool `[reader, sender]`."""
        found = np.zeros((self.n_readers, self.n_senders), bool)
        for layer in range(self.n_layers):
            found[self.qkv(layer), : self.before(layer)] = True
            if self.has_mlp:
                found[self.reading_mlp(layer), : self.before_mlp(layer)] = True
        found[self.logits] = True
        return found

    @property
    def n_edges(self) -> int:
        """How many edges there are."""
        return int(self.allowed.sum())

    @cached_property
    def edges(self) -> np.ndarray:
        """All edges as `(reader, sender)`, int64 `[edge, 2]`."""
        return np.argwhere(self.allowed)

    def mask(self, edges: Iterable[tuple[int, int]] | np.ndarray) -> np.ndarray:
        """Bool `[reader, sender]` of edges given as `(reader, sender)`."""
        found = np.zeros_like(self.allowed)
        for reader, sender in edges:
            found[reader, sender] = True
        return found

    def named(self, edges: Any) -> np.ndarray:
        """Edges `(sender, reader)` by name as `(reader, sender)`, int64 `[edge, 2]`.

        Raises:
            UsageError: No list of such pairs, one of which there is none, or no edge at all.
        """
        such_as = '[("embedding", "logits")]'
        listed = as_list("edges=", edges, such_as)
        if not listed:
            raise UsageError(f"edges= names one edge at least, such as {such_as}.")
        for one in listed:
            if not (isinstance(one, (tuple, list)) and len(cast("tuple[Any]", one)) == 2):
                raise UsageError(
                    f"edges= takes (sender, reader) by name, such as {such_as}, not {said(one)}."
                )
        return np.array([self.edge(*one) for one in listed])

    def edge(self, sender: str, reader: str) -> tuple[int, int]:
        """An edge as `(reader, sender)`, of the names of both.

        Raises:
            UsageError: No such sender or reader, or one that does not write before the other reads.
        """
        places = (_place("sender", sender, self.senders), _place("reader", reader, self.readers))
        if not self.allowed[places[1], places[0]]:
            raise UsageError(f"There is no edge from {sender} to {reader}: it writes too late.")
        return places[1], places[0]

    def pruned(self, keep: np.ndarray) -> np.ndarray:
        """A circuit without its dead ends: edges of heads and MLPs without a way in or out.

        Args:
            keep: The circuit, bool `[reader, sender]`.
        """
        keep = keep & self.allowed
        while True:
            fed = np.zeros(self.n_senders + 1, bool)  # the last one is nobody: the logits
            fed[self.of_reader[keep.any(1)]] = True
            fed[0] = True
            heard = np.append(keep.any(0), True)
            live = fed & heard
            left = keep & live[:-1] & live[self.of_reader][:, None]
            if (left == keep).all():
                return left
            keep = left


def _place(what: str, name: str, names: list[str]) -> int:
    if name not in names:
        raise UsageError(
            f'"{name}" is no {what}; they are named "{names[0]}" to "{names[-1]}"'
            f", such as {names[1]}.{did_you_mean(str(name), names)}"
        )
    return names.index(name)
