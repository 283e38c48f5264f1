"""Which memories a token calls up, and whether they are those of its class."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from vitlens_widgets.analysis.class_space import project
from vitlens_widgets.analysis.class_space.rules import Rule
from vitlens_widgets.analysis.stream import ExampleBatch
from vitlens_widgets.analysis.value_vectors.weights import class_directions, vectors_of
from vitlens_widgets.errors import UsageError, check_count
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.trace import ViT


class Stored(NamedTuple):
    """What the memories of one block hold."""

    of_class: Tensor
    """Whether a memory is one of a class, bool `[memory, class]`."""
    first: Tensor
    """The class that a memory promotes most, int64 `[memory]`."""


@clean
@torch.no_grad()
def stored_in(vit: ViT, kind: str, layer: int, k: int, rule: Rule) -> Stored:
    """What the memories of one kind in one block hold; see `key_value_agreement`.

    Raises:
        UsageError: A k out of range.
        UnsupportedModelError: The memories cannot be read from the weights.
    """
    logits = (class_directions(vit) @ vectors_of(vit, kind, layer)).T
    check_count("k", k, least=1, most=min(logits.shape))
    top = logits.topk(k, dim=0 if rule == "released" else 1).indices
    of_class = torch.zeros_like(logits, dtype=torch.bool)
    return Stored(of_class.scatter_(0 if rule == "released" else 1, top, True), logits.argmax(1))


class Seen:
    """What one kind of memories did in one batch: for each block, `[image, token]`."""

    def __init__(self, k: int, stored: list[Stored]) -> None:
        self._k, self._stored = k, stored
        self._top: dict[int, Tensor] = {}
        self.agree: list[Tensor] = []
        self.chance: list[Tensor] = []
        self.single: list[Tensor] = []

    def keys(self, batch: ExampleBatch, layer: int, coefficients: Tensor) -> None:
        """The coefficients of all memories, `[image, token, ...]`, of one block."""
        flat = coefficients.flatten(2).float()
        if not flat.isfinite().all():
            raise UsageError("The model has neurons or heads that give no finite numbers.")
        top = flat.topk(self._k).indices
        of_class = self._stored[layer].of_class
        true = batch.classes.to(top.device)[:, None, None]
        self.agree.append(of_class[top, true].any(-1).cpu())
        any_of = of_class[top[..., 0]]
        for place in range(1, self._k):
            any_of |= of_class[top[..., place]]
        self.chance.append(any_of.float().mean(-1).cpu())
        self._top[layer] = top

    def said(self, vit: ViT, batch: ExampleBatch, layer: int, added: Tensor) -> None:
        """What the sub-block adds to the stream, `[image, token, d]`."""
        first = self._stored[layer].first[self._top.pop(layer)].cpu()
        says = project.tokens(vit, added, batch.classes).top
        self.single.append((first == says[..., None]).any(-1))
