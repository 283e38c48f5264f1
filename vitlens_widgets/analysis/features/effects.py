"""What features do in all: each switched off on many images, beside others as strong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, normalize

from vitlens_widgets.analysis.experiment import Measures, over_data
from vitlens_widgets.analysis.features.effects_result import FeatureEffects
from vitlens_widgets.analysis.features.feature import FeatureSet, reference_run
from vitlens_widgets.analysis.features.runs import AnswersOfRuns, TurnedRuns, put_instead, put_of
from vitlens_widgets.analysis.stream import ExampleBatch, Totals, spread, tally
from vitlens_widgets.data import Dataset
from vitlens_widgets.errors import UsageError, as_list, check_count, check_seed, whole_number
from vitlens_widgets.kinds import is_several
from vitlens_widgets.lenses.statistics import kl_divergence
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.models.probabilities import probabilities
from vitlens_widgets.trace import Trace, ViT
from vitlens_widgets.trace.feature_edit import Latents
from vitlens_widgets.trace.rows_block import Put

PARTS = ("own", "random", "more")
"""Of the feature, of random others, and the first less the second."""


@over_data(FeatureEffects, needs_classifier=False)
def feature_effects(
    vit: ViT,
    data: Dataset,  # noqa: ARG001  # the one loop reads it
    *,
    features: Sequence[tuple[int, int]] | None = None,
    sae: Latents | None = None,
    n_random: int = 4,
    seed: int = 0,
) -> Measures[FeatureEffects]:
    """What switching features off changes, over a data set, beside others that are as strong.

    Each feature alone is 0 at all tokens that it is of, and all that comes after runs again: exact,
    indirect ways included. Its null takes from each token a vector as long, along the direction of
    another feature of the same block, drawn anew for each image. A feature that does no more than
    its null does what any push of that length does.

    Measured are the divergence of the answer from the intact one (nats), how much probability the
    intact answer loses, the share of images whose answer changes, and 1 less the cosine of what is
    pooled before and after; the last alone where there is no classifier.

    Args:
        vit: The model.
        data: The images; their classes are not looked at.
        features: Each as (layer, feature): neurons, or with `sae` its latents; None for the neuron
            of each block that writes the longest vector.
        sae: A sparse autoencoder, whose error is kept.
        n_random: How many others are drawn for each feature and image.
        seed: Of these.

    Raises:
        UsageError: No such feature, none given of an autoencoder, or what `run` refuses.
        UnsupportedModelError: What features write is no fixed vector, or the model cannot run with
            other values in a batch.

    Example:
        >>> vl.analysis.feature_effects(vit, vl.world.Scenes(), features=[(4, 17)], n_images=50)
    """
    n_random = check_count("n_random", n_random, least=1)
    return _EffectMeasure(vit, features, sae, n_random, check_seed(seed))


class _EffectMeasure(Measures[FeatureEffects]):
    """See `vitlens_widgets.analysis.stream.BatchMeasure`."""

    name = "feature effects"
    usual: ClassVar = {"seed": 0}  # the features are named one by one
    own_labels: ClassVar = True  # whatever the classes: they are not looked at

    def __init__(self, vit: ViT, given: Any, sae: Latents | None, n_random: int, seed: int) -> None:
        self._vit, self._n_random, self._seed = vit, n_random, seed
        self._chosen = _chosen(vit, given, sae)
        self.settings = {
            "features": None if given is None else [[of.layer, at] for of, at in self._chosen],
            "sae": None if sae is None else _known_by(sae),
            "n_random": n_random,
            "seed": seed,
        }
        self._vectors = _vectors(vit, [of for of, _ in self._chosen])

    @property
    def _names(self) -> tuple[str, ...]:
        with_answers = ("KL", "probability lost", "answers changed")
        return (*with_answers * self._vit.adapter.has_classifier, "turned away")

    def measure(self, batch: ExampleBatch) -> dict[str, np.ndarray]:
        """What a batch adds: for each measure and part, a tally over images, `[6, feature]`."""
        trace = self._vit.trace(batch.pixels, preprocessed=True)
        runs = TurnedRuns(trace)
        found = [self._of_feature(runs, at, batch.numbers) for at in range(len(self._chosen))]
        return {
            f"{name}, {part}": tally(np.stack([one[name, part] for one in found], axis=1))
            for name in self._names
            for part in PARTS
        }

    def _of_feature(
        self, runs: TurnedRuns, at: int, numbers: Sequence[int]
    ) -> Mapping[tuple[str, str], np.ndarray]:
        """Each measure and part of one feature, `[image]`."""
        puts = [one for i, number in enumerate(numbers) for one in self._puts(runs, at, i, number)]
        n = self._n_random + 1
        changed, intact = runs.answers(puts), runs.own
        found: dict[tuple[str, str], np.ndarray] = {}
        for name, values in _measured(self._vit, intact, changed, n).items():
            own, random = values[:, 0], values[:, 1:].mean(1)
            found |= dict(zip([(name, p) for p in PARTS], (own, random, own - random), strict=True))
        return found

    def _puts(
        self, runs: TurnedRuns, at: int, image: int, number: int
    ) -> list[tuple[int, Put | None]]:
        """The feature off in one image, then each of its nulls."""
        (of, index), trace = self._chosen[at], runs.trace
        vectors = self._vectors[of.layer]
        rng = np.random.default_rng([self._seed, of.layer, index, number])
        others = np.delete(np.arange(len(vectors)), index)
        drawn = rng.choice(others, self._n_random, replace=self._n_random > len(others))
        own = put_of(trace, of.edit(index, zero=True), image)
        nulls = [_null(trace, of, (index, int(g)), image, vectors) for g in drawn]
        return [(image, own), *((image, one) for one in nulls)]

    def result(self, done: Totals) -> FeatureEffects:
        """What it all says."""
        return FeatureEffects(
            title=done.title,
            features=tuple(of.named(index) for of, index in self._chosen),
            names=self._names,
            **{
                part: {name: spread(done.tallies[f"{name}, {part}"]) for name in self._names}
                for part in PARTS
            },
        )


@clean
@torch.no_grad()
def _null(
    trace: Trace, of: FeatureSet, pair: tuple[int, int], image: int, vectors: Tensor
) -> Put | None:
    """A vector as long as the feature's taken from each token, along another's direction.

    Args:
        trace: The run.
        of: The features.
        pair: The feature, and the other.
        image: Which image.
        vectors: Of all features: for neurons the lengths of what they write, `[neuron]`; else
            their directions at the site, `[latent, width]`.
    """
    index, other = pair
    value = trace[of.site, of.layer].detach()[image : image + 1]
    if of.sae is None:
        new = value.clone()
        new[..., other] -= value[..., index] * (vectors[index] / vectors[other]).to(value)
        return put_instead(of.site, of.layer, value, new)
    own = put_of(trace, of.edit(index, zero=True), image)
    if own is None:
        return None
    fine = torch.promote_types(value.dtype, torch.float32)
    at = (image, *own.region.mesh)
    whole = trace.states if own.site == "resid_pre" else {own.layer: trace[own.site, own.layer]}
    before = whole[own.layer][at].to(fine)
    length = (own.values.to(fine) - before).square().sum(-1, keepdim=True).sqrt()
    moved = before - length * normalize(vectors[other].to(before), dim=-1)
    return Put(own.site, own.layer, own.region, moved)


def _measured(
    vit: ViT, intact: AnswersOfRuns, changed: AnswersOfRuns, n: int
) -> dict[str, np.ndarray]:
    """Each measure of all runs, n of an image, float64 `[image, run]`."""
    before = intact.features.double()[:, None]
    after = torch.unflatten(changed.features.double(), 0, (-1, n))
    found = {"turned away": 1 - cosine_similarity(after, before, dim=-1)}
    if vit.adapter.has_classifier:
        logits = torch.unflatten(changed.logits.double(), 0, (-1, n))
        own = intact.logits.double()[:, None].expand_as(logits)
        best, kind = own.argmax(-1, keepdim=True), vit.probabilities
        p, q = (probabilities(one, kind).gather(-1, best)[..., 0] for one in (own, logits))
        found |= {
            "KL": kl_divergence(own, logits, kind),
            "probability lost": p - q,
            "answers changed": (logits.argmax(-1) != best[..., 0]).double(),
        }
    return {name: values.numpy() for name, values in found.items()}


def _chosen(vit: ViT, given: Any, sae: Latents | None) -> list[tuple[FeatureSet, int]]:
    """The features that are asked about.

    Raises:
        UsageError: One is not there, or none is given.
    """
    trace = reference_run(vit)
    if given is None:
        if sae is not None:
            raise UsageError(
                "features= takes which latents of the autoencoder are switched off, as (layer, "
                f"latent), such as [({sae.layer}, 0)]."
            )
        every = [FeatureSet(vit, layer) for layer in range(vit.n_layers)]
        return [(of, int(_lengths(of, trace).argmax())) for of in every]
    listed = as_list("features=", given, "[(4, 17)]")
    if not listed:
        raise UsageError("features= takes some features, such as [(4, 17)], not none.")
    found: list[tuple[FeatureSet, int]] = []
    for pair in listed:
        if not (is_several(pair) and len(pair) == 2 and None not in map(whole_number, pair)):
            raise UsageError(
                f"A feature is given as (layer, feature), such as (4, 17), not {pair!r}."
            )
        of = FeatureSet(vit, pair[0], sae)
        found.append((of, of.check(pair[1], trace)))
    return found


def _vectors(vit: ViT, several: Sequence[FeatureSet]) -> dict[int, Tensor]:
    """By block, what `_null` asks of all its features."""
    trace = reference_run(vit)
    found: dict[int, Tensor] = {}
    for of in several:
        if of.layer not in found:
            found[of.layer] = _lengths(of, trace) if of.sae is None else of.sae.directions
    return found


def _lengths(of: FeatureSet, trace: Trace) -> Tensor:
    """How long the vectors are that 1 of each writes, `[feature]`."""
    return of.vectors(trace).square().sum(-1).sqrt()


def _known_by(sae: Latents) -> dict[str, Any]:
    """By what an autoencoder is known again in a saved run."""
    rows = sae.directions.detach().double()
    sums = [float(rows.sum()), float(rows.square().sum())]
    return {"site": sae.site, "layer": sae.layer, "latents": sae.n_latents, "sums": sums}
