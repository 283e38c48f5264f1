"""The fixed position embeddings of masked autoencoders, at the size of the checkpoint or another.

The published models never learn their positions: sines and cosines of row and column, which a
formula gives for any grid. Interpolated ones would be other numbers than those of a model trained
at that size, and transformers' decoder interpolates along one axis only.
"""

from __future__ import annotations

import torch
from torch import Tensor

from vitlens_widgets.errors import UsageError

_TOLERANCE = 2e-3  # half precision keeps numbers up to 1 to within 5e-4


def placed(own: Tensor, own_grid: tuple[int, int], asked: tuple[int, int]) -> Tensor:
    """Position embeddings for a grid of patches: the model's own, or the formula's.

    Args:
        own: The model's own, `[1, 1 + patch, width]`; the first is of CLS.
        own_grid: (rows, cols) that they are for.
        asked: (rows, cols) wanted.

    Raises:
        UsageError: Another grid is asked for and the model's own positions are not the formula's.
    """
    if asked == own_grid:
        return own
    formula = sin_cos(*own_grid, own.shape[-1]).to(own)
    if own.shape[-1] % 4 or not torch.allclose(own[0, 1:], formula, atol=_TOLERANCE):
        raise UsageError(
            f"The positions of this masked autoencoder were learned for {own_grid[0]} x "
            f"{own_grid[1]} patches, and no formula gives them for {asked[0]} x {asked[1]}; use "
            "images of its own size."
        )
    return torch.cat([own[:, :1], sin_cos(*asked, own.shape[-1]).to(own)[None]], dim=1)


def sin_cos(rows: int, cols: int, width: int) -> Tensor:
    """Sines and cosines of column and row, row by row: float64 `[rows * cols, width]`.

    A quarter of the width each: sines of the column, cosines of the column, sines and cosines of
    the row, at frequencies from 1 down to 1 / 10,000.

    Source: `get_2d_sincos_pos_embed` of the published code, columns first.
    """
    quarter = width // 4
    frequency = 10_000.0 ** (-torch.arange(quarter, dtype=torch.float64) / quarter)
    row, col = torch.cartesian_prod(_count(rows), _count(cols)).unbind(dim=1)
    angles = [axis[:, None] * frequency for axis in (col, row)]
    return torch.cat([wave(angle) for angle in angles for wave in (torch.sin, torch.cos)], dim=1)


def _count(n: int) -> Tensor:
    return torch.arange(n, dtype=torch.float64)
