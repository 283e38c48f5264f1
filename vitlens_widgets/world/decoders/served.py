"""The world's decoders as `Decoder`s, from their weights files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from vitlens_widgets.lenses.decoder import Decoder, Reads, Request
from vitlens_widgets.lenses.same_encoder import last_embedding
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.models.weight_faults import fill
from vitlens_widgets.world.catalogue import NAMES
from vitlens_widgets.world.decoders.canvas import as_brightness
from vitlens_widgets.world.decoders.flow import FlowDesign, FlowNetwork, sample
from vitlens_widgets.world.decoders.patches import PatchDesign, PatchNetwork
from vitlens_widgets.world.embedded import embedded_vit
from vitlens_widgets.world.network import GRID, TRAINED_PATCH
from vitlens_widgets.world.weights import DECODER_KINDS, other_kind, read_facts, read_weights

STEPS, GUIDANCE = 12, 2.0


class TrainedDecoder(Decoder):
    """One that this package has trained, on an encoder of its own."""

    _network: Any

    @property
    def device(self) -> torch.device:
        """See `Decoder.device`."""
        return next(self._network.parameters()).device

    def encoded(self, pixels: Tensor) -> Tensor | None:
        """See `Decoder.encoded`: an encoder that is embedded is known."""
        if self.reads.encoder not in NAMES:
            return None
        vit = embedded_vit(self.reads.encoder)
        if tuple(pixels.shape[-2:]) != tuple(vit.image_size):
            return None
        return last_embedding(vit, pixels, self.reads.what)


class TokenDecoder(TrainedDecoder):
    """Paints all tokens of any state, in one pass."""

    hides = True

    def __init__(self, name: str, design: PatchDesign, network: PatchNetwork) -> None:
        self.name, self._network = name, network
        self.size = (GRID * TRAINED_PATCH, GRID * TRAINED_PATCH)
        self.reads = Reads(
            what="tokens",
            encoder=design.encoder,
            shape=(design.tokens, design.features),
            normalised="each token minus its mean over its deviation, without the norm's weights",
            states=design.states,
        )

    def paint(self, embedding: Tensor, request: Request) -> Tensor:
        """See `Decoder.paint`."""
        states = torch.tensor(request.states, device=embedding.device)
        return as_brightness(self._network(embedding, states, request.hidden))


class FlowDecoder(TrainedDecoder):
    """Paints a readout, out of noise."""

    steps, guidance = STEPS, GUIDANCE

    def __init__(self, name: str, design: FlowDesign, network: FlowNetwork) -> None:
        self.name, self._network = name, network
        self.size = (design.side, design.side)
        self.reads = Reads(
            what="readout",
            encoder=design.encoder,
            shape=(design.features,),
            normalised="its direction alone is read: it is divided by its length",
        )

    def paint(self, embedding: Tensor, request: Request) -> Tensor:
        """See `Decoder.paint`."""
        generator = torch.Generator().manual_seed(request.seed)
        noise = torch.randn((1, 3, *self.size), generator=generator)
        noise = noise.to(embedding.device).expand(len(embedding), -1, -1, -1)
        return as_brightness(
            sample(self._network, noise, embedding, request.steps, request.guidance)
        )


NetworkType = TypeVar("NetworkType", bound=nn.Module)


@clean
def _filled(network: NetworkType, weights: Path) -> NetworkType:
    fill(network, read_weights(weights), weights)
    return network.requires_grad_(False).eval()


def trained_decoder(weights: Path, name: str) -> Decoder:
    """The decoder of a weights file that this package has trained.

    Raises:
        UsageError: It holds a model of another kind, notes a network that there cannot be, or its
            weights are not all of that network's, or are not finite.
    """
    kind = read_facts(weights).get("kind")
    if kind not in _MAKERS:
        raise other_kind(weights, kind)
    return _MAKERS[kind](name, weights)


def _of_tokens(name: str, weights: Path) -> Decoder:
    design = PatchDesign.of(read_facts(weights))
    return TokenDecoder(name, design, _filled(PatchNetwork(design), weights))


def _of_readout(name: str, weights: Path) -> Decoder:
    design = FlowDesign.of(read_facts(weights))
    return FlowDecoder(name, design, _filled(FlowNetwork(design), weights))


_MAKERS: dict[str, Callable[[str, Path], Decoder]] = dict(
    zip(DECODER_KINDS, (_of_tokens, _of_readout), strict=True)
)
"""By kind, as it is noted in the weights file."""
