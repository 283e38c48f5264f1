"""The tasks of the world's decoders: to paint a scene from what an encoder made of it."""

from __future__ import annotations

import copy
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.world.decoders.canvas import unscaled_norm
from vitlens_widgets.world.decoders.flow import FlowDesign, FlowNetwork
from vitlens_widgets.world.decoders.patches import PatchDesign, PatchNetwork
from vitlens_widgets.world.network import GRID, TRAINED_PATCH, normalized
from vitlens_widgets.world.training.encoded import (
    PictureBatch,
    drawn_pictures,
    encoded_readout,
    encoded_states,
)
from vitlens_widgets.world.training.task import Task

SIDE = GRID * TRAINED_PATCH  # pixels

SHARE_NOISY, MOST_NOISE = 0.5, 0.5  # of the deviation of a normed token
SHARE_HIDDEN = 0.25  # of the pictures have tokens hidden

SHARE_UNLED = 0.1  # of the pictures are painted without an embedding, for guidance
TIME_MEAN, TIME_DEVIATION = -0.8, 0.8  # before the sigmoid, which makes it a time
LATEST = 0.95  # later, its velocity is learnt: near 1, it divides by next to nothing
KEPT_OF_MEAN = 0.998  # of the mean weights, at each step
ALIGNED_AFTER, ALIGNED_WITH = 2, 4  # blocks of the network; state of the encoder
ALIGNED_WEIGHT = 0.5


@dataclass(frozen=True, slots=True)
class PaintTokens(Task[PatchNetwork, PictureBatch]):
    """Paint the scene from all tokens of any state.

    Half of the states come with noise, of any strength up to half of their deviation, so that
    states which were steered are painted gracefully; of a quarter some tokens are hidden, down to
    single ones.

    Attributes:
        design: The network, with the encoder that it reads.
    """

    design: PatchDesign

    def make_model(self) -> PatchNetwork:
        """The network."""
        model = PatchNetwork(self.design)
        for block in model.blocks:
            plain_attention(block)
        return model

    def draw(self, index: int, batch_size: int) -> PictureBatch:
        """Fresh scenes, half with two things."""
        return drawn_pictures(index, batch_size, SIDE, every=2)

    @clean
    def learn(self, model: PatchNetwork, batch: PictureBatch) -> Tensor:
        """Absolute error of the pixels, and of their differences across and down."""
        every = encoded_states(self.design.encoder, batch.images)
        images = torch.arange(every.shape[1])
        states = torch.randint(len(every), images.shape)
        tokens = disturbed(every[states, images].float())
        with torch.autocast("cpu", torch.bfloat16):
            painted = model(tokens, states, some_hidden(*tokens.shape[:2]))
        return unlike(painted.float(), normalized(batch.images))

    def facts(self) -> dict[str, Any]:
        """The design."""
        return {"kind": "patch decoder", "goal": "painting of tokens", **asdict(self.design)}


def disturbed(tokens: Tensor) -> Tensor:
    """With noise in some pictures, a share of the deviation of each token."""
    noisy = torch.rand(len(tokens)) < SHARE_NOISY
    strength = noisy * MOST_NOISE * torch.rand(len(tokens))
    return tokens + strength[:, None, None] * tokens.std(-1, keepdim=True) * torch.randn_like(
        tokens
    )


def some_hidden(pictures: int, tokens: int) -> Tensor:
    """In some pictures a share of the tokens is hidden, any share, bool `[picture, token]`."""
    share = torch.where(torch.rand(pictures) < SHARE_HIDDEN, torch.rand(pictures), 0.0)
    return torch.rand(pictures, tokens) < share[:, None]


def unlike(painted: Tensor, truth: Tensor) -> Tensor:
    """Mean absolute error of pixels, and of differences of neighbours, `[picture, 3, y, x]`."""
    error = painted - truth
    return error.abs().mean() + error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()


def plain_attention(block: Any) -> None:
    """For so few tokens, the fused kernel's gradients are slow."""
    block.attn.fused_attn = False


class Learner(nn.Module):
    """A network that learns, and the running mean of its weights, which is what is kept.

    Beside it is what guesses the encoder's tokens from an early stream: see `unaligned`.
    """

    def __init__(self, network: FlowNetwork, width: int, tokens: int) -> None:
        super().__init__()
        self.network = network
        self.guess = nn.Sequential(
            nn.Linear(width, 2 * width), nn.SiLU(), nn.Linear(2 * width, tokens)
        )
        self.mean = copy.deepcopy(network).requires_grad_(False)
        self.register_buffer("taken", torch.zeros(()))

    @clean
    @torch.no_grad()
    def take(self) -> None:
        """Move the mean towards the weights as they are now; quickly at first."""
        self.taken += 1
        kept = min(KEPT_OF_MEAN, float(self.taken / (10 + self.taken)))
        learnt = dict(self.network.named_parameters())
        for name, mean in self.mean.named_parameters():
            mean.lerp_(learnt[name], 1 - kept)


def unaligned(guessed: Tensor, tokens: Tensor) -> Tensor:
    """1 - cosine of guessed tokens and the encoder's own of the patches, normed, mean over all.

    Source: Yu et al. (2025), "Representation Alignment for Generation", section 3: a flow learns
    what stands where sooner if its early blocks must tell what an encoder sees in the picture.

    Args:
        guessed: `[picture, patch, d]`.
        tokens: `[picture, token, d]`, the patches last.
    """
    own = unscaled_norm(tokens[:, -guessed.shape[1] :])
    return 1 - functional.cosine_similarity(guessed, own, dim=-1).mean()


@dataclass(frozen=True, slots=True)
class PaintReadout(Task[Learner, PictureBatch]):
    """Paint the scene from the readout embedding, out of noise.

    Attributes:
        design: The network, with the encoder that it reads.
    """

    design: FlowDesign

    def make_model(self) -> Learner:
        """The network, and the mean of its weights."""
        network = FlowNetwork(self.design)
        for block in network.blocks:
            plain_attention(block)
        return Learner(network, self.design.width, self.design.tokens)

    def draw(self, index: int, batch_size: int) -> PictureBatch:
        """Fresh scenes, a quarter with two things."""
        return drawn_pictures(index, batch_size, SIDE, every=4)

    @clean
    def learn(self, model: Learner, batch: PictureBatch) -> Tensor:
        """Squared error of the velocity that the painted picture means, at a time of chance.

        To it comes how far an early stream is from the encoder's own tokens.
        """
        model.take()
        embedding, tokens = encoded_readout(self.design.encoder, batch.images, ALIGNED_WITH)
        truth = functional.adaptive_avg_pool2d(normalized(batch.images), self.design.side)
        n, noise = len(truth), torch.randn_like(truth)
        time = torch.sigmoid(TIME_MEAN + TIME_DEVIATION * torch.randn(n))
        part = time[:, None, None, None]
        noisy = (1 - part) * noise + part * truth
        with torch.autocast("cpu", torch.bfloat16):
            streams = model.network.streams(
                noisy, time, embedding.float(), torch.rand(n) < SHARE_UNLED
            )
            painted = model.network.painted(streams[-1])
            guessed = model.guess(streams[ALIGNED_AFTER - 1])
        away = (painted.float() - truth) / (1 - part).clamp(min=1 - LATEST)
        return away.square().mean() + ALIGNED_WEIGHT * unaligned(guessed.float(), tokens.float())

    def begin(self, model: Learner, weights: dict[str, Tensor]) -> None:
        """Both the network and its mean."""
        for network in (model.network, model.mean):
            network.load_state_dict(weights)

    def finished(self, model: Learner) -> nn.Module:
        """The mean."""
        return model.mean

    def facts(self) -> dict[str, Any]:
        """The design."""
        return {"kind": "flow decoder", "goal": "painting of a readout", **asdict(self.design)}
