"""The decoder of a readout: a rectified flow from noise to a picture, led by one embedding.

Sources: rectified flow: Liu et al. (2023), "Flow Straight and Fast"; predicting the picture instead
of the velocity, with a plain transformer on pixels: Li & He (2025), "Back to Basics: Let Denoising
Generative Models Denoise"; blocks led by the condition: Peebles & Xie (2023), "Scalable Diffusion
Models with Transformers", section 3.2 (adaLN-Zero), one modulation for all blocks as in Chen et al.
(2024), "PixArt-alpha", section 2.3; guidance: Ho & Salimans (2022).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from timm.layers import Attention, Mlp
from torch import Tensor, nn
from torch.nn import functional

from vitlens_widgets.world.decoders.canvas import Canvas, positions
from vitlens_widgets.world.network import GRID
from vitlens_widgets.world.weights import Noted


@dataclass(frozen=True, slots=True)
class FlowDesign(Noted):
    """A transformer over the noisy picture's patches, led by time and embedding.

    Attributes:
        encoder: Name of the model whose embedding it reads.
        features: Numbers of the embedding.
        tokens: Numbers of each of the encoder's tokens, which it learns beside.
        side: Of its pictures, in pixels; seven patches.
        layers: Transformer blocks.
        width: Of its residual stream.
        heads: Attention heads per block.
        channels: Of a cell of its canvas, 2 x 2 pixels.
    """

    encoder: str
    features: int = 256
    tokens: int = 192
    side: int = 56
    layers: int = 6
    width: int = 192
    heads: int = 3
    channels: int = 32


class FlowBlock(nn.Module):
    """Attention and an MLP, each shifted, scaled and weighed by what leads it."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.attn: Any = Attention(
            width, heads, qkv_bias=True, qk_norm=True, norm_layer=nn.LayerNorm
        )
        self.norm2 = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.mlp = Mlp(width, 4 * width)
        self.own = nn.Parameter(torch.zeros(1, 6, width))  # added to what all are told

    def forward(self, stream: Tensor, led: Tensor) -> Tensor:
        """`[picture, token, width]` to the same, led by `[picture, 6, width]`."""
        shift1, scale1, weigh1, shift2, scale2, weigh2 = (led + self.own)[:, :, None].unbind(1)
        stream = stream + weigh1 * self.attn(self.norm1(stream) * (1 + scale1) + shift1)
        return stream + weigh2 * self.mlp(self.norm2(stream) * (1 + scale2) + shift2)


class FlowNetwork(nn.Module):
    """See the file's text. Pictures are -1 to 1; at time 0 they are noise, at time 1 done."""

    def __init__(self, design: FlowDesign) -> None:
        super().__init__()
        self.patch, width = design.side // GRID, design.width
        self.cut = nn.Conv2d(3, width, self.patch, self.patch)
        self.place: Tensor
        self.register_buffer("place", positions(GRID, width), persistent=False)
        self.time = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.embed = nn.Linear(design.features, width)
        self.nothing = nn.Parameter(torch.empty(width))  # in place of an embedding
        self.lead = nn.Linear(width, 6 * width)
        self.blocks = nn.ModuleList(FlowBlock(width, design.heads) for _ in range(design.layers))
        self.norm = nn.LayerNorm(width)
        self.canvas = Canvas(width, GRID, self.patch // 2, zoom=2, channels=design.channels)
        nn.init.zeros_(self.lead.weight)
        nn.init.zeros_(self.lead.bias)
        nn.init.trunc_normal_(self.nothing, std=0.02)

    def forward(
        self, noisy: Tensor, time: Tensor, embedding: Tensor, dropped: Tensor | None = None
    ) -> Tensor:
        """What the picture will be, `[picture, 3, side, side]`.

        Args: as `streams`.
        """
        return self.painted(self.streams(noisy, time, embedding, dropped)[-1])

    def painted(self, stream: Tensor) -> Tensor:
        """The picture of the last of the streams."""
        return self.canvas(self.norm(stream))

    def streams(
        self, noisy: Tensor, time: Tensor, embedding: Tensor, dropped: Tensor | None = None
    ) -> list[Tensor]:
        """What each block leaves, `[picture, token, width]`.

        Args:
            noisy: The picture as it is at this time, `[picture, 3, side, side]`.
            time: `[picture]`, 0 to 1.
            embedding: `[picture, feature]`, of any length: its direction is read.
            dropped: Bool `[picture]`: to be painted as if there were no embedding.
        """
        direction = functional.normalize(embedding, dim=-1) * math.sqrt(embedding.shape[-1])
        told = self.embed(direction)
        if dropped is not None:
            told = torch.where(dropped[:, None], self.nothing.to(told.dtype), told)
        led = functional.silu(told + self.time(_waves(time, self.place.shape[-1])))
        led = self.lead(led).unflatten(-1, (6, -1))
        stream = self.cut(noisy).flatten(2).transpose(1, 2) + self.place
        streams: list[Tensor] = []
        for block in self.blocks:
            streams.append(stream := block(stream, led))
        return streams


def _waves(time: Tensor, width: int) -> Tensor:
    """Sines and cosines of a time, `[picture, width]`."""
    rates = 1e3 * 1e4 ** (-torch.arange(width // 2, device=time.device) / (width // 2))
    angles = time[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=-1)


def velocity(network: FlowNetwork, noisy: Tensor, time: float, led: Tensor, guide: float) -> Tensor:
    """Where a picture moves to at a time: (what it will be - what it is) / (1 - time).

    The time is below 1. With guidance both are asked, with the embedding and without, in one pass.
    """
    n = len(noisy)
    if guide == 1:
        painted = network(noisy, noisy.new_full((n,), time), led)
    else:
        dropped = torch.arange(2 * n, device=noisy.device) >= n
        both = network(
            noisy.repeat(2, 1, 1, 1), noisy.new_full((2 * n,), time), led.repeat(2, 1), dropped
        )
        painted = both[n:] + guide * (both[:n] - both[n:])
    return (painted - noisy) / (1 - time)


def sample(
    network: FlowNetwork, noise: Tensor, embedding: Tensor, steps: int, guidance: float
) -> Tensor:
    """From noise to pictures along the flow, by Heun's method; the last step is one of Euler's.

    That step is as long as the time that is left, so that it ends at what is painted then, without
    any noise. Its error goes with the square of its length, as that of all others together.

    Args:
        network: Of the flow.
        noise: `[picture, 3, side, side]`.
        embedding: `[picture, feature]`.
        steps: How many.
        guidance: See `Decoder.guidance`.
    """
    picture = noise
    times = [step / steps for step in range(steps + 1)]
    for now, then in pairwise(times):
        first = velocity(network, picture, now, embedding, guidance)
        moved = picture + (then - now) * first
        if then < 1:
            second = velocity(network, moved, then, embedding, guidance)
            moved = picture + (then - now) * 0.5 * (first + second)
        picture = moved
    return picture
