"""What the decoders paint with: patches of many channels, made smooth across their edges."""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional


class Canvas(nn.Module):
    """Tokens to a picture: each gives some cells of channels, and two convolutions join them.

    A linear layer alone paints each patch by itself, and its edges show.

    Args:
        width: Of a token.
        grid: Rows and columns of tokens.
        cells: Rows and columns of cells that one token gives.
        zoom: Pixels of a cell, up and across.
        channels: Of a cell.
    """

    def __init__(self, width: int, grid: int, cells: int, zoom: int, channels: int) -> None:
        super().__init__()
        self.grid, self.cells, self.zoom = grid, cells, zoom
        self.spread = nn.Linear(width, cells * cells * channels)
        self.join = nn.Conv2d(channels, channels, 3, padding=1)
        self.paint = nn.Conv2d(channels, 3 * zoom * zoom, 3, padding=1)

    def forward(self, tokens: Tensor) -> Tensor:
        """`[picture, token, width]` to `[picture, 3, height, width]`."""
        cells = rearrange(
            self.spread(tokens),
            "n (row col) (y x c) -> n c (row y) (col x)",
            row=self.grid,
            y=self.cells,
            x=self.cells,
        )
        cells = cells + self.join(functional.gelu(cells))
        return functional.pixel_shuffle(self.paint(functional.gelu(cells)), self.zoom)


def unscaled_norm(tokens: Tensor) -> Tensor:
    """Each token minus its mean over its deviation: a layer norm without its affine part."""
    return functional.layer_norm(tokens, tokens.shape[-1:])


def as_brightness(pixels: Tensor) -> Tensor:
    """From -1 to 1, as networks paint, to brightness from 0 to 1."""
    return 0.5 * (pixels + 1)


def positions(grid: int, width: int) -> Tensor:
    """Fixed sines and cosines of row and column, `[token, width]`.

    Source: Vaswani et al. (2017), section 3.5, half of the width for each of the two axes.
    """
    quarter = width // 4
    rates = 1e4 ** (-torch.arange(quarter) / quarter)
    angles = torch.arange(grid)[:, None] * rates
    axis = torch.cat([angles.sin(), angles.cos()], dim=1)
    rows = axis[:, None].expand(grid, grid, -1)
    return torch.cat([rows, rows.transpose(0, 1)], dim=-1).flatten(0, 1)
