"""What an SAE is trained by, in numbers that a file can keep."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from vitlens_widgets.features.sae import Tokens

Kind = Literal["topk", "batchtopk", "relu", "matryoshka"]
KINDS = ("topk", "batchtopk", "relu", "matryoshka")

_RATE, _LATENTS = 2e-4, 2**14
"""Adam's rate at that many latents, which falls with the root of their number."""
_WARM_UP, _COOL_DOWN = 0.05, 0.2
"""Shares of the steps in which the rate rises to its height, and falls to 0."""


@dataclass(frozen=True)
class SAEPlan:
    """How an SAE is trained; see `train_sae`."""

    site: str
    layer: int
    tokens: Tokens
    kind: Kind
    n_latents: int
    k: int
    l1: float
    nested: tuple[int, ...]
    steps: int
    batch_size: int
    rate: float
    center: str
    auxiliary: float
    dead_after: int
    buffer: int
    seed: int

    @property
    def facts(self) -> dict[str, Any]:
        """In JSON's types."""
        return {**asdict(self), "nested": list(self.nested)}

    def rate_at(self, step: int) -> float:
        """Adam's rate at a step: up in a line, level, and in a line down to 0."""
        done = (step + 1) / self.steps
        return self.rate * min(1.0, done / _WARM_UP, (1 - done + 1 / self.steps) / _COOL_DOWN)


def usual_rate(n_latents: int) -> float:
    """Adam's rate for so many latents: 2e-4 at 16,384, as one over the root of their number.

    Source:
        Gao et al. (2024), "Scaling and evaluating sparse autoencoders", appendix on the learning
        rate.
    """
    return _RATE * (_LATENTS / n_latents) ** 0.5
