"""Ridge regression in closed form."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor


def ridge(features: Tensor, values: Tensor, alpha: float) -> tuple[Tensor, Tensor]:
    """The linear map that minimises `|features @ weight + bias - values|^2 + alpha |weight|^2`.

    The bias is not penalised. Of the two ways to write the solution, by features or by examples,
    the one with the smaller matrix is taken.

    Args:
        features: `[example, feature]`.
        values: `[example, value]`.
        alpha: More than 0.

    Returns:
        Weight `[feature, value]` and bias `[value]`, float64.

    Source:
        Hastie, Tibshirani, Friedman (2009), section 3.4.1; by examples: section 12.3.7.
    """
    x, y = features.double(), values.double()
    x_mean, y_mean = x.mean(0), y.mean(0)
    x, y = x - x_mean, y - y_mean
    penalty = alpha * torch.eye(min(x.shape), dtype=x.dtype, device=x.device)
    if x.shape[0] < x.shape[1]:
        weight = x.T @ _solved(x @ x.T + penalty, y)
    else:
        weight = _solved(x.T @ x + penalty, x.T @ y)
    return weight, y_mean - x_mean @ weight


def _solved(matrix: Tensor, right: Tensor) -> Tensor:
    """Of a symmetric, positive definite matrix."""
    return torch.cholesky_solve(right, cast("Tensor", torch.linalg.cholesky(matrix)))
