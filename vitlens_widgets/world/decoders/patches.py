"""The decoder of all tokens: from any state of an encoder to its picture, in one pass.

Its place is that of the decoder of representation autoencoders: Zheng et al. (2025), "Diffusion
Transformers with Representation Autoencoders", section 3; here it is told which state it reads.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from timm.models.vision_transformer import Block
from torch import Tensor, nn

from vitlens_widgets.world.decoders.canvas import Canvas, unscaled_norm
from vitlens_widgets.world.network import GRID
from vitlens_widgets.world.weights import Noted


@dataclass(frozen=True, slots=True)
class PatchDesign(Noted):
    """A transformer over the encoder's tokens, then a canvas of 112 pixels a side.

    Attributes:
        encoder: Name of the model whose tokens it reads.
        tokens: Tokens that it reads, CLS first.
        features: Numbers of each.
        states: How many states it tells apart.
        layers: Transformer blocks.
        width: Of its residual stream.
        heads: Attention heads per block.
        hidden: Width of an MLP, in widths of the stream.
        channels: Of a cell of its canvas, 4 x 4 pixels.
    """

    encoder: str
    tokens: int = 50
    features: int = 192
    states: int = 7
    layers: int = 3
    width: int = 192
    heads: int = 3
    hidden: int = 2
    channels: int = 32


class PatchNetwork(nn.Module):
    """See the file's text; its weights are those of one encoder."""

    def __init__(self, design: PatchDesign) -> None:
        super().__init__()
        self.embed = nn.Linear(design.features, design.width)
        self.place = nn.Parameter(torch.empty(design.tokens, design.width))
        self.told = nn.Embedding(design.states, design.width)
        self.unseen = nn.Parameter(torch.empty(design.width))
        self.blocks = nn.ModuleList(
            Block(design.width, design.heads, mlp_ratio=design.hidden, qkv_bias=True)
            for _ in range(design.layers)
        )
        self.norm = nn.LayerNorm(design.width)
        self.canvas = Canvas(design.width, GRID, cells=4, zoom=4, channels=design.channels)
        for table in (self.place, self.told.weight, self.unseen):
            nn.init.trunc_normal_(table, std=0.02)

    def forward(self, tokens: Tensor, states: Tensor, hidden: Tensor | None = None) -> Tensor:
        """Paint what a state holds.

        Args:
            tokens: `[picture, token, d]`, as the encoder left them.
            states: Which state they are of, int64 `[picture]`.
            hidden: Tokens not to be seen, bool `[picture, token]`.

        Returns:
            `[picture, 3, 112, 112]`, -1 to 1.
        """
        seen = self.embed(unscaled_norm(tokens))
        if hidden is not None:
            seen = torch.where(hidden[..., None], self.unseen.to(seen.dtype), seen)
        stream = seen + self.place + self.told(states)[:, None]
        for block in self.blocks:
            stream = block(stream)
        n_patches = GRID * GRID
        return self.canvas(self.norm(stream[:, -n_patches:]))
