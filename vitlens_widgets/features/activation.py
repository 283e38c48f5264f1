"""`Activation`: which latents of a sparse autoencoder stay on, and how large they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from vitlens_widgets.errors import UsageError, check_choice, check_count

ActivationKind = Literal["relu", "topk", "batchtopk", "jumprelu"]


@dataclass(frozen=True, eq=False)
class Activation:
    """From what the encoder gives to latents, few of which are not 0.

    Args:
        kind: `"relu"`: what is above 0. `"topk"`: of those the k largest of a token (Gao et al.
            2024, equation 3). `"jumprelu"`: what is above each latent's own threshold
            (Rajamanoharan et al. 2024, equation 3). `"batchtopk"`: what is above one threshold,
            found in training so that k latents a token stay on in the mean (Bussmann et al. 2024,
            section 3): a token's latents then depend on no other token.
        k: Of `"topk"`; of `"batchtopk"` the mean in training, which nothing depends on.
        threshold: Of `"jumprelu"` `[latent]` or one number, of `"batchtopk"` one number; 0 or more.
        keeps_negative: Of `"topk"`: whether the k largest stay on though they are below 0, as in
            some authors' code; a token has such only where fewer than k are above 0.

    Raises:
        UsageError: k or the threshold is missing, or is not of these values.
    """

    kind: ActivationKind = "relu"
    k: int | None = None
    threshold: Tensor | None = None
    keeps_negative: bool = False

    def __post_init__(self) -> None:
        check_choice("The activation of an SAE", self.kind, _KINDS)
        if self.kind == "topk" or self.k is not None:
            check_count("k of an SAE's activation", self.k, least=1)
        if self.kind in ("relu", "topk"):
            return
        if self.threshold is None or not bool((self.threshold >= 0).all()):
            raise UsageError(
                f"An SAE with {self.kind} needs its threshold, 0 or more: without one a token's "
                "latents would depend on what else is in the batch."
            )

    def __call__(self, before: Tensor) -> Tensor:
        """Latents of what the encoder gives, `[..., latent]` to the same."""
        return _KINDS[self.kind](before, self)

    def to(self, device: torch.device) -> Activation:
        """The same on a device."""
        moved = None if self.threshold is None else self.threshold.to(device)
        return replace(self, threshold=moved)

    def __str__(self) -> str:
        return self.kind if self.k is None else f"{self.kind}, k = {self.k}"


def _relu(before: Tensor, _: Activation) -> Tensor:
    return before.relu()


def _topk(before: Tensor, activation: Activation) -> Tensor:
    k = min(activation.k or 0, before.shape[-1])
    largest, where = before.topk(k, dim=-1, sorted=False)
    kept = largest if activation.keeps_negative else largest.relu()
    return torch.zeros_like(before).scatter(-1, where, kept)


def _above(before: Tensor, activation: Activation) -> Tensor:
    threshold = before.new_zeros(()) if activation.threshold is None else activation.threshold
    return torch.where(before > threshold, before, 0).relu()


_KINDS: dict[str, Callable[[Tensor, Activation], Tensor]] = {
    "relu": _relu,
    "topk": _topk,
    "batchtopk": _above,
    "jumprelu": _above,
}
