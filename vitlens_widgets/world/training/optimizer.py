"""Muon for the matrices of the hidden layers, AdamW for everything else, one schedule for both.

Muon: K. Jordan et al., "Muon: An optimizer for hidden layers in neural networks" (2024); AdamW
alone needed several times more images here.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from vitlens_widgets.errors import UsageError

MATRIX_RATE, OTHER_RATE = 2e-3, 1.5e-3
WARM_UP_STEPS = 200
LAST_SHARE = 0.02  # of the learning rate is left at the end
CLIP_NORM = 1.0


class Optimizer:
    """Steps the two optimisers together; its state can be saved and loaded."""

    def __init__(self, model: nn.Module, steps: int, rate: float = 1.0) -> None:
        if not hasattr(torch.optim, "Muon"):
            raise UsageError(
                f"Training needs torch 2.9 or later, for its Muon optimizer; this is"
                f" {torch.__version__}."
            )
        learnt = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
        matrices = [p for name, p in learnt if _is_matrix(name, p)]
        others = [p for name, p in learnt if not _is_matrix(name, p)]
        muon = torch.optim.Muon(
            matrices,
            lr=MATRIX_RATE,
            momentum=0.95,
            weight_decay=0.05,
            adjust_lr_fn="match_rms_adamw",
        )
        adamw = torch.optim.AdamW(others, lr=OTHER_RATE, betas=(0.9, 0.98), weight_decay=0.05)
        self._parts = (muon, adamw)
        self._rates = (rate * MATRIX_RATE, rate * OTHER_RATE)
        self._parameters = [*matrices, *others]
        self._steps = steps

    def step(self, index: int) -> None:
        """Apply the gradients of step `index` (from 0) and clear them."""
        nn.utils.clip_grad_norm_(self._parameters, CLIP_NORM)
        share = rate_share(index, self._steps)
        for part, rate in zip(self._parts, self._rates, strict=True):
            for group in part.param_groups:
                group["lr"] = rate * share
            part.step()
            part.zero_grad()

    def state_dict(self) -> list[dict[str, Any]]:
        """The states of both optimisers."""
        return [part.state_dict() for part in self._parts]

    def load_state_dict(self, states: list[dict[str, Any]]) -> None:
        """Take up what `state_dict` gave."""
        for part, state in zip(self._parts, states, strict=True):
            part.load_state_dict(state)


def rate_share(index: int, steps: int) -> float:
    """Share of the learning rate at step `index` of `steps`: linear warm-up, then a cosine down."""
    warm_up = min(WARM_UP_STEPS, max(1, steps // 2))
    if index < warm_up:
        return (index + 1) / warm_up
    progress = (index - warm_up) / max(1, steps - warm_up)
    return LAST_SHARE + (1 - LAST_SHARE) * 0.5 * (1 + math.cos(math.pi * progress))


def _is_matrix(name: str, parameter: nn.Parameter) -> bool:
    """Whether it is a matrix of a hidden layer: one that stands in a numbered row of layers."""
    return parameter.ndim == 2 and any(part.isdecimal() for part in name.split("."))
