"""Probes that have been fitted, and what they say of the relevance of tokens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from vitlens_widgets.errors import UsageError
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.models.live import Live
from vitlens_widgets.trace import Trace, ViT


class Probe(NamedTuple):
    """The probes of all tokens of one site in one block, float32."""

    weight: Tensor
    """`[token, d, class]`."""
    bias: Tensor
    """`[token, class]`."""

    def ranks(self, features: Tensor, classes: Tensor) -> Tensor:
        """Where the true class stands in each answer, from 1; equal ones share the best rank.

        Args:
            features: Of the probes' tokens, `[image, token, d]`.
            classes: int64 `[image]`.

        Returns:
            int64 `[image, token]`, on the CPU.
        """
        said = torch.einsum("itd,tdc->itc", features.float(), self.weight) + self.bias
        index = classes.to(said.device)[:, None, None].expand(*said.shape[:2], 1)
        return (said > said.gather(-1, index)).sum(-1).add(1).cpu()


@dataclass(frozen=True, eq=False)
class ProbeRelevance(Live):
    """Relevance by linear probes, for `vl.analysis.relevance` and `perturbation_test`.

    A token is the more relevant for a class, the better the ranks that the probes of the states
    after all probed blocks give it at that token: minus their sum. `vl.analysis.linear_probes`
    makes one: `found.relevance`.

    Attributes:
        vit: The model of the probes.
        layers: The blocks.
        probes: Gives the probes of the state after each of them.
        settings: What the probes depend on.

    Source:
        Vilas et al. (2023), section 7, as their code does it.
    """

    kept_by: ClassVar[str] = "measure again, with cache= and save_to="

    vit: ViT = field(repr=False)
    layers: tuple[int, ...]
    probes: Callable[[int], Probe] = field(repr=False)
    settings: Mapping[str, Any] = field(repr=False)
    name: str = "linear_probe"
    label: str = "linear probe"

    @clean
    @torch.no_grad()
    def __call__(self, trace: Trace, classes: Tensor) -> Tensor:
        """Of a trace and a class of each image, int64 `[image]`: `[image, token]`.

        Raises:
            UsageError: A trace of another model, or one in which tokens were dropped.
        """
        if trace.vit is not self.vit or len(trace.tokens) != self.vit.layout.n_tokens:
            raise UsageError(
                f"These probes read all tokens of {self.vit.name}, not a trace of {trace.vit.name} "
                f"with {len(trace.tokens)} tokens."
            )
        found = (self.probes(k).ranks(trace.states[k + 1], classes) for k in self.layers)
        return -reduce(torch.add, found).float()
