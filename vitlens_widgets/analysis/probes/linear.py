"""Few-shot linear probes at each block and token."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from numbers import Real
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.analysis.class_space import project
from vitlens_widgets.analysis.experiment import Measures, over_data
from vitlens_widgets.analysis.over_images import OverImages, share_of_images
from vitlens_widgets.analysis.probes.features import (
    FewShots,
    ProbePlaces,
    features_of,
    read_places,
    signs,
)
from vitlens_widgets.analysis.probes.probe import Probe, ProbeRelevance
from vitlens_widgets.analysis.probes.result import MEASURES, SITES, LinearProbes
from vitlens_widgets.analysis.probes.ridge import ridge
from vitlens_widgets.analysis.stream import ExampleBatch, Totals, spread, tally
from vitlens_widgets.data import Dataset, LabelSet
from vitlens_widgets.data.examples import matched
from vitlens_widgets.errors import UsageError, check_count, counted
from vitlens_widgets.trace import ViT
from vitlens_widgets.trace.example_batches import check_data, how_many
from vitlens_widgets.trace.fingerprint import fingerprint
from vitlens_widgets.trace.sites import check_index


@over_data(LinearProbes, needs_classifier=False)
def linear_probes(  # noqa: D417  # the one loop adds what it takes
    vit: ViT,
    train: Dataset,
    data: Dataset,
    *,
    shots: int = 10,
    alpha: float = 1.0,
    sites: Sequence[str] | None = None,
    layers: Sequence[int] | int | None = None,
    tokens: Sequence[int] | int | None = None,
    cache: str | os.PathLike[str] | None = None,
    n_images: int | None = None,
    batch_size: int = 16,
) -> Measures[LinearProbes]:
    """How well a linear map, taught by a few images, reads the class at each block and token.

    Each place has a probe of its own: ridge regression of 1 (true class) and -1 (each other) on the
    features as they are, without norm, with a bias. Of a class that `train` does not show, every
    probe says -1; equal answers share the best rank. Features are computed once and kept in a
    file: `4 x sites x layers x tokens x images x width` bytes; as many probes' weights
    are held in memory, `4 x sites x layers x tokens x (width + 1) x classes` bytes, so that large
    models are probed some layers at a time.

    Args:
        vit: The model; its labels are the probes' classes. Where it has no classifier, or one
            that lacks a class of `train`, those of `train` are, and nothing stands beside the
            probes.
        train: Images to fit the probes to.
        data: Other images, to test them on.
        shots: The first so many images of each class of `train`, or all there are.
        alpha: The penalty of the weights.
        sites: Of `SITES`; None for all that the model has.
        layers: Blocks, from 0; None for all.
        tokens: Positions in the sequence, prefix tokens first; None for all.
        cache: A folder to keep the features of `train` in: fitting goes on from there when it was
            stopped, and need not run the model for another `alpha`.

    Raises:
        UsageError: A number or name out of range, fewer than two classes, test images that the
            probes are fitted to, a folder with other features, or what `run` refuses.

    Source:
        Vilas et al. (2023), section 4, and their code: scikit-learn's Ridge with `alpha=1`, which
        stops at a tolerance; here it is solved exactly. They fit to
        `vl.data.ImageNetS.vilas(folder, "test", per_class=10)` and test on
        `vl.data.ImageNetS.vilas(folder)`.

    Example:
        >>> train, test = vl.world.Scenes(seed=0), vl.world.Scenes(seed=10_000)
        >>> found = vl.analysis.linear_probes(vit, train, test, n_images=200)
        >>> found.table()
        >>> vl.analysis.perturbation_test(vit, test, methods=found.relevance, n_images=100)
    """
    check_data(train, needs_masks=False)
    check_data(data, needs_masks=False)
    n_images = how_many(data, n_images)
    places = _places(vit, sites, layers, tokens)
    if not _answers(vit, train.labels):
        matched(data.labels, train.labels, f"The training set {train!r}")
    measure = _ProbeMeasure(vit, train, places, shots, alpha, batch_size, cache)
    measure.train.check_apart(data, n_images)
    return measure


def _answers(vit: ViT, labels: LabelSet) -> bool:
    """Whether the model's own classifier has all of these classes."""
    try:
        return bool(vit.labels) and bool(matched(labels, vit.labels))
    except UsageError:
        return False


def _places(
    vit: ViT,
    sites: Sequence[str] | None,
    layers: Sequence[int] | int | None,
    tokens: Sequence[int] | int | None,
) -> ProbePlaces:
    possible = [site for site in SITES if site in vit.adapter.hook_points(0)]
    sites = possible if sites is None else [sites] if isinstance(sites, str) else list(sites)
    unknown = [site for site in sites if site not in possible]
    layers = _listed(layers, range(vit.n_layers))
    tokens = _listed(tokens, range(vit.layout.n_tokens))
    places = ProbePlaces(
        tuple(dict.fromkeys(sites)),
        tuple(sorted({check_index("layer", layer, vit.n_layers) for layer in layers})),
        tuple(sorted({check_index("token", token, vit.layout.n_tokens) for token in tokens})),
    )
    if unknown or not all(places):
        raise UsageError(
            f"Probes read one or more of {', '.join(possible)} of {vit.name}, at one or more "
            f"blocks and tokens; given were sites {', '.join(map(str, sites)) or 'none'}, "
            f"{counted(len(places.layers), 'block')} and {counted(len(places.tokens), 'token')}."
        )
    return places


def _listed(given: Sequence[int] | int | None, every: Sequence[int]) -> Sequence[int]:
    """All for None; one alone in a list."""
    if given is None:
        return every
    several: Any = given
    return several if hasattr(given, "__iter__") else [several]


class _ProbeMeasure(Measures[LinearProbes]):
    """See `vitlens_widgets.analysis.stream.BatchMeasure`."""

    name = "linear probes"
    usual: ClassVar = {"alpha": 1.0}

    def __init__(
        self,
        vit: ViT,
        train: Dataset,
        places: ProbePlaces,
        shots: int,
        alpha: float,
        batch_size: int,
        cache: str | os.PathLike[str] | None,
    ) -> None:
        if isinstance(alpha, bool) or not isinstance(alpha, Real) or not 0 < alpha < 1e300:
            raise UsageError(f"alpha must be a number above 0, not {alpha!r}.")
        self._vit, self._places, self._alpha = vit, places, float(alpha)
        self._beside = _answers(vit, train.labels)
        self.labels = self._known = vit.labels if self._beside else train.labels
        self.train = FewShots(train, check_count("shots", shots, least=1))
        self._batch_size = check_count("batch_size", batch_size, least=1)
        self._cache = None if cache is None else Path(cache).expanduser()
        self._about = {
            "train": dict(self.train.identity),
            **{name: list(part) for name, part in places._asdict().items()},
        }
        self.settings = {**self._about, "alpha": self._alpha}
        self._executor: Any = None
        patches = range(vit.layout.n_tokens)[vit.layout.patches]
        self._patches = [i for i, token in enumerate(places.tokens) if token in patches]

    def prepare(self, executor: Any) -> None:
        """Fit the probes once, and not in each worker."""
        self._executor = executor
        _ = self._probes
        self._executor = None  # it is not sent along

    @cached_property
    def _probes(self) -> dict[tuple[str, int], Probe]:
        """By site and block; fitted when first asked for, so that a finished run needs none."""
        about = {**self._about, "model": fingerprint(self._vit)}
        found = features_of(
            self._vit,
            self.train,
            self._places,
            self._batch_size,
            about,
            self._cache,
            self._executor,
        )
        among = matched(self.train.labels, self._known)
        classes = np.array([among[label] for label in self.train.classes])
        wanted = signs(classes, len(self._known))
        probes: dict[tuple[str, int], Probe] = {}
        for s, site in enumerate(self._places.sites):
            for b, layer in enumerate(self._places.layers):
                fitted = [ridge(torch.tensor(x), wanted, self._alpha) for x in found[s, b]]
                both = (torch.stack(one).float() for one in zip(*fitted, strict=True))
                probes[site, layer] = Probe(*(one.to(self._vit.device) for one in both))
        return probes

    def measure(self, batch: ExampleBatch) -> dict[str, np.ndarray]:
        """What a batch adds to each measure, at each token and over image tokens."""
        seen: dict[tuple[str, str], list[Tensor]] = {}
        probes, chosen = self._probes, list(self._places.tokens)

        def see(site: str, layer: int, value: Tensor) -> None:
            rank = probes[site, layer].ranks(value[:, chosen], batch.classes)
            new = {"accuracy": rank == 1, "rank": rank}
            if self._beside:
                own = project.tokens(self._vit, value, batch.classes).rank[:, chosen]
                new["projection"] = own == 1
            for name, one in new.items():
                seen.setdefault((site, name), []).append(one)

        read_places(self._vit, batch, self._places, see)
        found: dict[str, np.ndarray] = {}
        for (site, name), of_blocks in seen.items():
            values = torch.stack(of_blocks, dim=1).double().numpy()  # [image, block, token]
            found[f"{site} {name}"] = tally(values)
            if self._patches:
                found[f"{site} {name}, image tokens"] = tally(values[..., self._patches].mean(-1))
        return found

    def result(self, done: Totals) -> LinearProbes:
        """What it all says."""
        measures = [name for name in MEASURES if name != "projection" or self._beside]
        keys = [(site, name) for site in self._places.sites for name in measures]
        sums, blocks = done.tallies, len(self._places.layers)
        none = np.zeros((6, blocks))
        over_patches = {key: sums.get(f"{' '.join(key)}, image tokens", none) for key in keys}
        return LinearProbes(
            title=done.title,
            n_train=self.train.count,
            n_images=done.n_images,
            places=self._places,
            layout=self._vit.layout,
            values={key: _at_tokens(key[1], sums[" ".join(key)]) for key in keys},
            image_tokens={key: spread(one) for key, one in over_patches.items()},
            relevance=self._relevance(),
            paper=self._vit.paper,
        )

    def _relevance(self) -> ProbeRelevance | None:
        """Where the state is probed at every token, for the model's own classes."""
        places = self._places
        if self._vit.labels and not self._beside:
            return None
        if "resid_post" not in places.sites or len(places.tokens) < self._vit.layout.n_tokens:
            return None
        return ProbeRelevance(
            vit=self._vit,
            layers=places.layers,
            probes=lambda layer: self._probes["resid_post", layer],
            settings=self.settings,
        )


def _at_tokens(name: str, added: np.ndarray) -> OverImages:
    """At one token an image is right or not, but it has any rank."""
    found = spread(added)
    return found if name == "rank" else share_of_images(found)
