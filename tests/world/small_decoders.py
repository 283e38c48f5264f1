"""Tiny decoders of the world, and weights of which none is zero."""

from __future__ import annotations

import torch

from vitlens_widgets.world.decoders.flow import FlowDesign
from vitlens_widgets.world.decoders.patches import PatchDesign

PATCHES = PatchDesign("toy/p32", layers=1, width=32, heads=2, channels=8)
FLOW = FlowDesign(
    "toy/clip", features=20, tokens=24, side=28, layers=2, width=32, heads=2, channels=8
)


def randomised(network):
    """Weights of which none is zero, so that nothing is left out unseen."""
    torch.manual_seed(9)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.2)
    return network.eval()
