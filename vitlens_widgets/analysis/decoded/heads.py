"""`decoded_heads`: whether pictures of heads tell what becomes of the answer without the head."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.analysis.decoded.ablation import ablation_effects
from vitlens_widgets.analysis.decoded.heads_result import DecodedHeads
from vitlens_widgets.analysis.decoded.kinds import kinds, with_nulls
from vitlens_widgets.analysis.decoded.others import OtherImages, OwnNoise
from vitlens_widgets.analysis.decoded.painter import LensPainter, painter_of, settings_of, units
from vitlens_widgets.analysis.experiment import Measures, over_data
from vitlens_widgets.analysis.stream import ExampleBatch, Totals, spread, tally
from vitlens_widgets.data import Dataset
from vitlens_widgets.errors import check_count, check_flag, check_seed
from vitlens_widgets.lenses.pictures.lens import PictureLens, Seeds, readout_of
from vitlens_widgets.lenses.pictures.steered import (
    Writer,
    WrittenBy,
    check_strength,
    moved,
    scaled_to,
)
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.ranks import permuted, spearman
from vitlens_widgets.trace import Trace, ViT


@over_data(DecodedHeads, needs_classifier=False)
def decoded_heads(
    vit: ViT,
    data: Dataset,
    *,
    lens: PictureLens | None = None,
    strength: float = 8.0,
    seeds: Seeds = 1,
    steps: int | None = None,
    guidance: float | None = None,
    nulls: bool = True,
    n_permutations: int = 1000,
    seed: int = 0,
) -> Measures[DecodedHeads]:
    """Whether a head whose picture is like the input matters to what the model makes of it.

    For every head of every image: how alike its picture is to the input, in the model's own
    embedding; and how far the final embedding turns, 1 - cosine, when the head is switched off, in
    an exact run (`ablation_effects`). Over the heads of one image that gives a rank correlation
    (Spearman's); what is said is its mean over images with Student's interval.

    Beside it stand what needs no picture, the likeness of the embedding that is decoded; both again
    with what the head writes in another image (one of the data set's first eight), and with a
    random direction as long at each token; and permutations of the heads, the same ones in all
    images, whose mean correlations are what luck gives: a head is much alike in all images, so that
    many images are no more heads.

    The picture is of the direct path of a head alone, the effect holds indirect ones, too. And the
    longer what a head writes, the further it leads from the input, whatever it says: a random
    direction as long does so, too, so that what counts is the lead over that.

    Pictures are what takes the time: three of each head, image and seed, one without the nulls.
    With a slow decoder give `save_to` and a small `batch_size`: what is done is kept after each
    batch.

    Args:
        vit: The model.
        data: Images; their classes are not looked at.
        lens: What paints, `vl.SteeringLens(vit, decoder)`; None: no pictures, embeddings alone.
        strength: What a head's contribution is multiplied by; see `vl.SteeringLens.read`.
        seeds: Of the pictures, how many or which; likeness is a mean over them.
        steps: Of the decoder; None for its own number.
        guidance: Likewise.
        nulls: Whether another image's contributions and random directions are measured, too.
        n_permutations: How many orders of the heads luck is judged by.
        seed: Of random directions and orders.

    Raises:
        UsageError: A lens of another model or of tokens, or what `run` refuses.

    Source:
        Takatsuki, Joseph, Fujisawa & Kanai (2025), "Decoding vision transformers: the diffusion
        steering lens", the study of head importance, of which their code cannot be had: measures,
        controls and nulls are our own.

    Example:
        >>> lens = vl.SteeringLens(vit, decoder)
        >>> found = vl.analysis.decoded_heads(vit, vl.world.Scenes(), lens=lens, n_images=50)
        >>> found.correlation["picture"].mean, found.summary()
    """
    painter = painter_of(vit, lens, "readout", seeds, steps, guidance)
    n_permutations = check_count("n_permutations", n_permutations, least=1)
    check_flag("nulls=", nulls)
    return _Heads(
        vit, data, painter, check_strength(strength), nulls, n_permutations, check_seed(seed)
    )


class _Heads(Measures[DecodedHeads]):
    """See `vitlens_widgets.analysis.stream.BatchMeasure`."""

    name = "decoded heads"
    own_labels: ClassVar = True  # whatever the classes: they are not looked at
    usual: ClassVar = {
        "decoder": None,
        "strength": 8.0,
        "seeds": [0],
        "steps": None,
        "guidance": None,
        "nulls": True,
        "n_permutations": 1000,
        "seed": 0,
    }

    def __init__(
        self,
        vit: ViT,
        data: Dataset,
        painter: LensPainter | None,
        strength: float,
        nulls: bool,
        n_permutations: int,
        seed: int,
    ) -> None:
        self._vit, self._painter, self._strength, self._nulls = vit, painter, strength, nulls
        self._others, self._n, self._seed = OtherImages(vit, data), n_permutations, seed
        self.settings = {
            **settings_of(painter),
            "strength": strength,
            "nulls": nulls,
            "n_permutations": n_permutations,
            "seed": seed,
        }

    def measure(self, batch: ExampleBatch) -> dict[str, np.ndarray]:
        """What a batch adds: likenesses, effects, their correlations, and those of luck."""
        trace = self._vit.trace(batch.pixels, preprocessed=True)
        effect = ablation_effects(trace).reshape(-1, len(batch)).T  # [image, head]
        alike = self._alike(trace, batch)  # [image, measure, head]
        correlation = spearman(alike, effect[:, None])
        luck = np.stack(
            [
                permuted(alike[i], effect[i], self._n, np.random.default_rng(self._seed))
                for i in range(len(batch))  # the same orders in each
            ]
        )
        heads = self._vit.n_layers, self._vit.n_heads
        return {
            "effect": tally(effect.reshape(-1, *heads)),
            "alike": tally(alike.reshape(*alike.shape[:2], *heads)),
            "correlation": tally(correlation),
            "ahead": tally(correlation[:, :1] - correlation),
            "luck": np.nan_to_num(luck).sum(0),
        }

    def result(self, done: Totals) -> DecodedHeads:
        """What it all says."""
        sums, names = done.tallies, self._names
        found = {key: spread(sums[key]) for key in ("effect", "alike", "correlation", "ahead")}
        with np.errstate(invalid="ignore", divide="ignore"):
            luck = sums["luck"] / found["correlation"].n[:, None]
        return DecodedHeads(title=done.title, names=tuple(names), luck=luck, **found)

    @property
    def _names(self) -> list[str]:
        own = kinds(self._painter)
        return with_nulls(own) if self._nulls else own

    @clean
    @torch.no_grad()
    def _alike(self, trace: Trace, batch: ExampleBatch) -> np.ndarray:
        """How alike each head is to its input, by every measure: `[image, measure, head]`."""
        to = units(readout_of(self._vit, trace.states[-1]))
        others = self._others.of(batch) if self._nulls else []
        missing = np.array([one is None for one in others])
        rows = [0 if one is None else one for one in others]
        steered = zip(*self._steered(trace, rows, OwnNoise(batch, self._seed)), strict=True)
        found: list[np.ndarray] = []
        for kind, embeddings in enumerate(map(torch.stack, steered)):
            by = [(units(embeddings) * to).sum(-1)]
            if self._painter is not None:
                by.insert(0, self._painter.alike(embeddings, to))
            found += [np.where(missing, np.nan, one) if kind == 1 else one for one in by]
        return np.stack(found).transpose(2, 0, 1)

    def _steered(self, trace: Trace, others: list[int], noise: OwnNoise) -> Iterator[list[Tensor]]:
        """What is decoded of each head, `[image, feature]`: its own, another image's, random."""
        by = WrittenBy(trace)
        by_others = WrittenBy(self._others.trace) if self._nulls else by
        for layer, head in np.ndindex(self._vit.n_layers, self._vit.n_heads):
            writer = Writer(layer, head)
            written = [by.of(writer)]
            if self._nulls:
                another = by_others.of(writer)[others]
                written += [another, scaled_to(noise.like(written[0]), written[0])]
            yield [readout_of(self._vit, moved(trace, one, self._strength)) for one in written]
