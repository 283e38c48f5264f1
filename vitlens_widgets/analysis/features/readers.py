"""Which later heads read a feature, from the weights alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

import vitlens_widgets.charts as charts
from vitlens_widgets.analysis.experiment import experiment
from vitlens_widgets.analysis.features.feature import FeatureSet, random_directions, reference_run
from vitlens_widgets.analysis.result import Result
from vitlens_widgets.data.frames import frame
from vitlens_widgets.errors import UsageError, check_choice, check_count, check_seed
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.trace import Trace, ViT
from vitlens_widgets.trace.feature_edit import Latents
from vitlens_widgets.trace.freezing import Freezing, freezing
from vitlens_widgets.trace.modules import parts_of
from vitlens_widgets.trace.parts import run_part

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812
    from pandas import DataFrame

KINDS = {"value": "v", "key": "k", "query": "q"}
"""As what a head reads: it moves it, it looks for it, it asks with it."""


@dataclass(frozen=True, eq=False)
class Readers(Result):
    """What `readers` found; the first axes are `[kind, later layer, head]` everywhere.

    Attributes:
        title: The model and the feature.
        kinds: `"value"`, `"key"`, `"query"`.
        layers: The later blocks.
        ratio: How long the feature's direction is after a head's weights, over the mean of random
            directions, float32.
        low: 2.5 of 100 random directions are below this.
        high: 2.5 of 100 are above this.
        chance: The largest ratio that a random direction has at any of these heads stays below
            this, 95 of 100 times, `[kind]`: what the head that reads the feature most is held
            against.
    """

    title: str
    kinds: tuple[str, ...]
    layers: tuple[int, ...]
    ratio: np.ndarray = field(repr=False)
    low: np.ndarray = field(repr=False)
    high: np.ndarray = field(repr=False)
    chance: np.ndarray = field(repr=False)

    def table(self) -> DataFrame:
        """A row per kind and head, those that read it most first."""
        order = np.argsort(-self.ratio, axis=None, kind="stable")
        kind, layer, head = np.unravel_index(order, self.ratio.shape)
        columns: dict[str, list[Any]] = {
            "as": [self.kinds[int(i)] for i in kind],
            "layer": [self.layers[int(i)] for i in layer],
            "head": head.tolist(),
            "ratio": self.ratio.flat[order].tolist(),
            "random, low": self.low.flat[order].tolist(),
            "random, high": self.high.flat[order].tolist(),
        }
        return frame(columns, self.title)

    def figure(self, name: str = "value") -> Figure:
        """The ratio of each head, blue where it reads less than at random, orange where more.

        Args:
            name: `"value"`, `"key"` or `"query"`.

        Raises:
            UsageError: Another name.
        """
        at = self.kinds.index(check_choice("name", name, self.kinds))
        with np.errstate(divide="ignore"):
            logs = np.log2(self.ratio[at])
        logs[~np.isfinite(logs)] = np.nan
        names = {
            "block": [str(layer) for layer in self.layers],
            "head": [str(head) for head in range(self.ratio.shape[2])],
        }
        title = self.titled(f"heads that read a feature as {name}")
        return charts.signed_cells(title, "log2 of the ratio", logs, ("block", "head"), names)

    @property
    def names(self) -> tuple[str, ...]:
        """What can be drawn."""
        return self.kinds

    def summary(self) -> str:
        """For each kind, the head that reads it most, beside the most that luck gives a head."""
        lines = [self.title]
        for kind, ratio, chance in zip(self.kinds, self.ratio, self.chance, strict=True):
            layer, head = divmod(int(ratio.argmax()), ratio.shape[1])
            lines.append(
                f"as {kind} most by L{self.layers[layer]} H{head}: {ratio[layer, head]:.2f} "
                f"times a random direction, of which 95 of 100 are below {chance:.2f} at all heads"
            )
        return "\n".join(lines)


@experiment("model", part="features", needs_classifier=False)
def readers(
    vit: ViT,
    layer: int,
    feature: int,
    sae: Latents | None = None,
    *,
    n_random: int = 400,
    seed: int = 0,
) -> Readers:
    """Which later heads read what a feature writes, from the weights alone.

    The feature's direction goes through the gain of each later block's norm (less its mean where
    the norm takes it) and through each head's value, key and query weights; its length there stands
    beside that of random directions. A key norm or query norm stands in it with its gain, its scale
    frozen like the block's. Positions do not: where blocks rotate queries and keys by place or add
    biases, the ratio is the same at every place. Heads that share keys and values have the same
    numbers for these.

    A large ratio says that a head *could* be moved by the feature, not that it is: that depends on
    where it looks (`vl.analysis.features.turned`).

    Args:
        vit: The model.
        layer: The block of the feature.
        feature: Which neuron of its MLP; with `sae`, which latent.
        sae: A sparse autoencoder, of that block.
        n_random: How many random directions.
        seed: Of these.

    Raises:
        UsageError: No such block or feature, no later head, or an autoencoder of another model.
        UnsupportedModelError: What the feature writes is no fixed vector, or a norm before the
            heads is none whose scale can be frozen.

    Source:
        Elhage et al. (2021), "A mathematical framework for transformer circuits", on composition,
        where norms of products of weights stand beside those of random matrices.

    Example:
        >>> vl.analysis.features.readers(vit, 4, 17).figure("key")
    """
    of, trace = FeatureSet(vit, layer, sae), reference_run(vit)
    index = of.check(feature, trace)
    if not of.readers:
        raise UsageError(
            f"No head reads {of.named(index)} of {vit.name}: no block comes after it. What it adds "
            "to the answer says vl.analysis.features.writes."
        )
    n_random = check_count("n_random", n_random, least=1)
    own = of.vectors(trace, torch.tensor([index]))
    drawn = random_directions(n_random, vit.width, check_seed(seed))
    directions = torch.cat([torch.nn.functional.normalize(own, dim=-1), drawn])
    lengths = np.stack([read_lengths(trace, later, directions) for later in of.readers], axis=2)
    own_lengths, random = lengths[:, 0], lengths[:, 1:]
    with np.errstate(invalid="ignore", divide="ignore"):
        over = random / random.mean(1, keepdims=True)
        ratio = own_lengths / random.mean(1)
    low, high = np.quantile(over, (0.025, 0.975), axis=1).astype(np.float32)
    chance = np.quantile(over.max((2, 3)), 0.95, axis=1)
    title = f"{vit.name}, {of.named(index)}"
    return Readers(title, tuple(KINDS), tuple(of.readers), ratio, low, high, chance)


@clean
@torch.no_grad()
def read_lengths(trace: Trace, layer: int, directions: Tensor) -> np.ndarray:
    """How long directions of the stream are in each head's values, keys and queries.

    The block's own code runs on them, its norms frozen at a token of ones and minus ones, where
    their scale is 1.

    Args:
        trace: A run of the model, which lends its block.
        layer: The block.
        directions: `[direction, d]`.

    Returns:
        Float32 `[kind, direction, head]`.

    Raises:
        UsageError: A norm whose scale cannot be frozen.
        UnsupportedModelError: A site that the block does not show.
    """
    n, n_tokens = len(directions), trace.states.shape[2]
    n_rows = -(-(n + 1) // n_tokens)
    placed = trace.states.new_zeros(n_rows * n_tokens, directions.shape[1])
    signs = trace.states.new_ones(directions.shape[1])
    signs[1::2] = -1
    placed[:n] = directions.to(placed)
    point, frozen = trace.vit.adapter.hook_points(layer), Freezing()
    show = {site: point[site] for site in KINDS.values()}
    parts = list(parts_of(trace.vit.adapter.blocks[layer]))
    trace.check_weights("read by its heads")
    with torch.enable_grad(), freezing(parts, frozen):
        first = signs.expand(n_rows, n_tokens, -1).clone().requires_grad_()
        run_part(trace, layer, first, show)
        frozen.begin_again()
        frozen.with_bias = False
        state = placed.view(n_rows, n_tokens, -1).requires_grad_()
        shown = run_part(trace, layer, state, show)
    flat = (shown[site].detach().flatten(0, 1).float() for site in KINDS.values())
    return torch.stack([(one[:n] - one[n]).norm(dim=-1) for one in flat]).cpu().numpy()
