"""The mean over images of affine maps, which goes on from where it was, and how sure it is."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from vitlens_widgets.lenses.jacobian.products import Linear
from vitlens_widgets.trace import ViT


@dataclass(frozen=True, eq=False)
class MeanMap:
    """The mean of `J - 1` and c over images; see `Linear`.

    Args:
        weight: The mean Jacobian less the identity, float32 `[state, kind, d, d]`.
        bias: The mean intercept, float32 `[state, kind, d]`.
        squares: Of all images, float64 `[state, kind]`, on the CPU.
        n_images: How many there are.
    """

    weight: Tensor
    bias: Tensor
    squares: Tensor
    n_images: int

    @classmethod
    def of_none(cls, vit: ViT, n_kinds: int) -> MeanMap:
        """The mean before the first image."""
        zeros = next(vit.model.parameters()).new_zeros(vit.n_layers, n_kinds, vit.width, vit.width)
        return cls(zeros, zeros[..., 0].clone(), torch.zeros(zeros.shape[:2]).double(), 0)

    def with_more(self, more: Linear) -> MeanMap:
        """The mean of these and further images."""
        n = self.n_images + more.n_images
        weight = more.jacobian - more.n_images * _eye(self.weight)
        return MeanMap(
            self.weight + (weight - more.n_images * self.weight) / n,
            self.bias + (more.intercept - more.n_images * self.bias) / n,
            self.squares + more.squares.cpu().double(),
            n,
        )

    def standard_error(self) -> Tensor:
        """Of the mean Jacobian, as a share of its size, float64 `[state, kind]`.

        The root of the summed squared standard errors of all its numbers over the root of the
        summed squares of the numbers; infinite for fewer than two images, 0 where all are 0.
        """
        if self.n_images < 2:
            return torch.full_like(self.squares, torch.inf)
        size = (self.weight + _eye(self.weight)).square().sum((-2, -1)).cpu().double()
        spread = (self.squares / self.n_images - size).clamp_min(0) / (self.n_images - 1)
        return torch.where(self.squares == 0, 0.0, (spread / size).sqrt())


def _eye(like: Tensor) -> Tensor:
    return torch.eye(like.shape[-1], dtype=like.dtype, device=like.device)
