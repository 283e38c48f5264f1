"""`cumulative_ablation`: heads switched off one after the other, in several orders."""

from __future__ import annotations

from itertools import product
from typing import ClassVar, cast

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.analysis.decoded.ablation import Ablated, Ablation, Head
from vitlens_widgets.analysis.decoded.cumulative_result import (
    BY_ATTRIBUTION,
    BY_EFFECT,
    BY_LUCK,
    CumulativeAblation,
)
from vitlens_widgets.analysis.decoded.kinds import kinds
from vitlens_widgets.analysis.decoded.others import OwnNoise
from vitlens_widgets.analysis.decoded.painter import LensPainter, painter_of, settings_of, units
from vitlens_widgets.analysis.experiment import Measures, over_data
from vitlens_widgets.analysis.stream import ExampleBatch, Totals, spread, tally
from vitlens_widgets.data import Dataset
from vitlens_widgets.errors import check_count, check_seed
from vitlens_widgets.lenses.pictures.lens import PictureLens, Seeds, readout_of
from vitlens_widgets.lenses.pictures.steered import Writer, WrittenBy, check_strength, moved
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.trace import Trace, ViT
from vitlens_widgets.trace.frozen_features import FrozenFeatures

_FEW = 24
"""Heads up to which each is a point of its own; of more, as many points are taken."""


@over_data(CumulativeAblation, needs_classifier=False)
def cumulative_ablation(
    vit: ViT,
    data: Dataset,  # noqa: ARG001  # the one loop reads it
    *,
    lens: PictureLens | None = None,
    strength: float = 8.0,
    seeds: Seeds = 1,
    steps: int | None = None,
    guidance: float | None = None,
    n_points: int | None = None,
    n_random: int = 5,
    seed: int = 0,
) -> Measures[CumulativeAblation]:
    """How soon the final embedding is lost as heads are switched off in one order or another.

    Orders are each image's own, the first head first: by the likeness of the head's picture to the
    input, and of the embedding that it is painted of; by the exact effect of switching it off
    alone, as activation patching has it (`ablation_effects`); by attribution, the share of its
    direct contribution along the intact embedding, norms frozen; and random ones. Every point of a
    curve is an exact run, in which all heads so far give 0 at all tokens and later blocks answer to
    that; the curve is the cosine of its embedding and the intact one. The smaller the area, the
    sooner an order finds what matters.

    Args:
        vit: The model.
        data: Images; their classes are not looked at.
        lens: What paints, `vl.SteeringLens(vit, decoder)`; None: no order by pictures.
        strength: What a head's contribution is multiplied by to be painted.
        seeds: Of the pictures, how many or which; likeness is a mean over them.
        steps: Of the decoder; None for its own number.
        guidance: Likewise.
        n_points: At how many numbers of heads, none and all among them; None for each, or 25 where
            there are more heads than 24.
        n_random: How many random orders of each image, whose mean is one curve.
        seed: Of these.

    Raises:
        UsageError: A lens of another model or of tokens, too few or too many points, a model whose
            pooled features are no sum over what heads write, or what `run` refuses.

    Source:
        Takatsuki, Joseph, Fujisawa & Kanai (2025) rank heads by their pictures; that the order is
        to be held against exact ones, and how, is our own. For the areas, Chefer, Gur & Wolf
        (2021), "Transformer interpretability beyond attention visualization", section 4.

    Example:
        >>> lens = vl.SteeringLens(vit, decoder)
        >>> found = vl.analysis.cumulative_ablation(vit, vl.world.Scenes(), lens=lens, n_images=50)
        >>> found.table()
    """
    painter = painter_of(vit, lens, "readout", seeds, steps, guidance)
    n_heads = vit.n_layers * vit.n_heads
    if n_points is None:
        n_points = min(n_heads, _FEW) + 1
    check_count("n_points", n_points, least=2, most=n_heads + 1)
    check_count("n_random", n_random, least=1)
    return _Cumulative(vit, painter, check_strength(strength), n_points, n_random, check_seed(seed))


class _Cumulative(Measures[CumulativeAblation]):
    """See `vitlens_widgets.analysis.stream.BatchMeasure`."""

    name = "cumulative ablation"
    own_labels: ClassVar = True  # whatever the classes: they are not looked at
    usual: ClassVar = {
        "decoder": None,
        "strength": 8.0,
        "seeds": [0],
        "steps": None,
        "guidance": None,
        "seed": 0,
    }

    def __init__(
        self,
        vit: ViT,
        painter: LensPainter | None,
        strength: float,
        n_points: int,
        n_random: int,
        seed: int,
    ) -> None:
        self._vit, self._painter, self._strength = vit, painter, strength
        self._n_random, self._seed = n_random, seed
        self._heads: list[Head] = list(product(range(vit.n_layers), range(vit.n_heads)))
        counts = np.linspace(0, len(self._heads), n_points).round().astype(int)
        self._counts: list[int] = counts.tolist()
        self.settings = {
            **settings_of(painter),
            "strength": strength,
            "n_points": n_points,
            "n_random": n_random,
            "seed": seed,
        }

    def measure(self, batch: ExampleBatch) -> dict[str, np.ndarray]:
        """What a batch adds to the curves, their areas, and the differences of these."""
        trace = self._vit.trace(batch.pixels, preprocessed=True)
        ablation = Ablation(trace)
        orders = self._orders(trace, ablation, batch)  # [image, order, head], random ones last
        curves = self._curves(ablation, orders)
        n = len(self._names) - 1
        luck = curves[:, n:].mean(1, keepdims=True)
        curves = np.concatenate([curves[:, :n], luck], 1)
        areas = np.trapezoid(curves, self._shares, axis=-1)
        return {
            "curves": tally(curves),
            "areas": tally(areas),
            "between": tally(areas[:, :, None] - areas[:, None]),
        }

    def result(self, done: Totals) -> CumulativeAblation:
        """What it all says."""
        found = {name: spread(one) for name, one in done.tallies.items()}
        return CumulativeAblation(done.title, tuple(self._names), np.array(self._counts), **found)

    @property
    def _names(self) -> list[str]:
        return [*kinds(self._painter), BY_EFFECT, BY_ATTRIBUTION, BY_LUCK]

    @property
    def _shares(self) -> np.ndarray:
        """How many of all heads are off at each point."""
        return np.array(self._counts) / len(self._heads)

    def _orders(self, trace: Trace, ablation: Ablation, batch: ExampleBatch) -> np.ndarray:
        """Heads as places in `_heads`, the first one first, int64 `[image, order, head]`."""
        alone = [Ablated(i, (head,)) for head in self._heads for i in range(len(batch))]
        effect = 1 - ablation.of(alone, "heads switched off").reshape(len(self._heads), -1)
        likenesses, along = self._of_contributions(trace)
        scores = np.stack([*likenesses, effect, along])  # [order, head, image]
        orders = np.argsort(-scores, axis=1, kind="stable").transpose(2, 0, 1)
        return np.concatenate([orders, self._random(batch)], 1)

    @clean
    @torch.no_grad()
    def _of_contributions(self, trace: Trace) -> tuple[list[np.ndarray], np.ndarray]:
        """Likenesses of pictures, if any, and of embeddings; and attribution: `[head, image]`."""
        frozen = FrozenFeatures(trace)
        to = units(readout_of(self._vit, trace.states[-1]))
        embeddings, along = list[Tensor](), list[np.ndarray]()
        by = WrittenBy(trace)
        for head in self._heads:
            written = by.of(Writer(*head))
            embeddings.append(readout_of(self._vit, moved(trace, written, self._strength)))
            of_head = frozen.of(written).detach().double().cpu().numpy()
            along.append((of_head * to).sum(-1))
        decoded = torch.stack(embeddings)
        painted = [] if self._painter is None else [self._painter.alike(decoded, to)]
        return [*painted, (units(decoded) * to).sum(-1)], np.stack(along)

    def _random(self, batch: ExampleBatch) -> np.ndarray:
        """`[image, order, head]`."""
        n_heads = len(self._heads)
        return np.stack(
            [
                np.random.default_rng(number).permuted(
                    np.tile(np.arange(n_heads), (self._n_random, 1)), axis=-1
                )
                for number in OwnNoise(batch, self._seed).numbers
            ]
        )

    def _curves(self, ablation: Ablation, orders: np.ndarray) -> np.ndarray:
        """How alike the embedding stays, `[image, order, point]`."""
        runs = [
            Ablated(image, tuple(self._heads[head] for head in order[:count]))
            for image, of_image in enumerate(cast("list[list[list[int]]]", orders.tolist()))
            for order in of_image
            for count in self._counts
        ]
        return ablation.of(runs, "heads switched off in turn").reshape(*orders.shape[:2], -1)
