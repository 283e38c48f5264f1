"""The perturbation test: accuracy as patches are removed by their relevance, over many images."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.analysis.checks import logits_of
from vitlens_widgets.analysis.class_space.removal import check_removable
from vitlens_widgets.analysis.class_space.rules import check_choice
from vitlens_widgets.analysis.experiment import Measures, over_data
from vitlens_widgets.analysis.over_images import OverImages
from vitlens_widgets.analysis.relevance.auc import Area, area
from vitlens_widgets.analysis.relevance.methods import Method, label_of, method_of, parts_of
from vitlens_widgets.analysis.relevance.perturbation_result import PerturbationTest
from vitlens_widgets.analysis.relevance.removal import (
    answers_of_kept,
    counts_of,
    most_relevant_first,
    random_orders,
)
from vitlens_widgets.analysis.stream import ExampleBatch, Totals, spread, tally
from vitlens_widgets.data import Dataset
from vitlens_widgets.errors import UsageError
from vitlens_widgets.models.probabilities import Kind, probabilities
from vitlens_widgets.trace import Trace, ViT

ORDERS = ("negative", "positive")
"""Which patches are removed first: the least relevant, or the most relevant."""

RANDOM = "random"


@over_data(PerturbationTest)
def perturbation_test(
    vit: ViT,
    data: Dataset,  # noqa: ARG001  # the one loop reads it
    *,
    methods: Sequence[str | Method] = ("class_embedding", "chefer"),
    target: Literal["true", "answer"] = "true",
    n_random: int = 10,
    n_points: int | None = None,
) -> Measures[PerturbationTest]:
    """How accuracy falls as patches are removed: the least relevant first, and the most.

    Patches are removed from the sequence after the position embedding, before the first block. A
    method that knows what the answer rests on keeps accuracy up for long when it removes the least
    relevant patches first (negative), and brings it down soon when the most relevant go first
    (positive).

    It costs `images x n_points x (2 x methods + n_random)` forward passes, of half of an image's
    tokens on average, beside which finding the relevance costs next to nothing. All orders and
    images that keep the same number of patches run together, on about as many tokens as
    `batch_size` images have. For a first look, `n_points=12` and
    `n_random=2` take about a ninth of the time of the paper's 48 points and ten orders (two
    methods, 49 patches).

    Args:
        vit: The model.
        data: Images with their classes.
        methods: Names of methods (see `vl.analysis.relevance`), or objects that are one.
        target: The class that relevance is about: the `"true"` one, as in the paper, or the model's
            own `"answer"`. Accuracy is of the true class in both.
        n_random: In how many random orders patches are removed beside; each order, of the seeds 0,
            1, ..., is the same for all images, as in the authors' code. 0 for none.
        n_points: At how many numbers of kept patches accuracy is measured, spread evenly; None for
            all from 1 to all but one, as in the paper.

    Raises:
        UsageError: An unknown method, the same one twice, a model whose tokens cannot be removed or
            for which a method is not defined, or what `run` refuses.

    Source:
        Vilas et al. (2023), section 7, and their code; Chefer et al. (2021) for the test.

    Example:
        >>> found = vl.analysis.perturbation_test(vit, vl.world.Scenes(), n_images=100, n_points=12)
        >>> found.table(), found.figure()
    """
    return _RemovalMeasure(vit, methods, target, n_random, n_points)


class _RemovalMeasure(Measures[PerturbationTest]):
    """See `vitlens_widgets.analysis.stream.BatchMeasure`."""

    name = "perturbation test"
    usual: ClassVar = {"target": "true"}

    def __init__(
        self,
        vit: ViT,
        methods: Sequence[str | Method],
        target: str,
        n_random: int,
        n_points: int | None,
    ) -> None:
        check_removable(vit)
        self._vit, self._methods = vit, _methods(methods)
        self._of_answer = check_choice("target", target, ("true", "answer")) == "answer"
        n_patches = vit.layout.n_patches
        self._counts = counts_of(n_patches, n_points)
        self._random = random_orders(n_patches, n_random)
        named = [f"{method.name}_{order}" for method in self._methods for order in ORDERS]
        self._curves = named + [RANDOM] * (n_random > 0)
        if not self._curves:
            raise UsageError("There is nothing to compare: give methods=, n_random=, or both.")
        self.settings = {
            "methods": [[method.name, dict(method.settings)] for method in self._methods],
            "target": target,
            "n_random": n_random,
            "kept": self._counts,
        }

    def measure(self, batch: ExampleBatch) -> dict[str, np.ndarray]:
        """What a batch adds to each curve, and to the products of its points."""
        trace = self._vit.trace(batch.pixels, preprocessed=True)
        orders = self._orders(trace, batch.classes)
        found = answers_of_kept(trace, orders, self._counts)
        kind = self._vit.probabilities
        read = [_read(logits, batch.classes, kind) for logits in found]
        right, probability = (torch.stack(one, -1).numpy() for one in zip(*read, strict=True))
        accuracy, sure = self._by_curve(right), self._by_curve(probability)
        before = _read(logits_of(trace).float().cpu()[None], batch.classes, kind)[0][0].numpy()
        return {
            "all patches": tally(before),
            "accuracy": tally(accuracy),
            "products": np.einsum("icp,icr->cpr", accuracy, accuracy),
            "probability": tally(sure),
            "random orders": right[2 * len(self._methods) :].sum(1),
        }

    def result(self, done: Totals) -> PerturbationTest:
        """What it all says."""
        sums = done.tallies
        accuracy, probability = (
            self._named(spread(sums[name])) for name in ("accuracy", "probability")
        )
        return PerturbationTest(
            title=done.title,
            n_images=done.n_images,
            n_patches=self._vit.layout.n_patches,
            kept=np.array(self._counts),
            methods={method.name: label_of(method) for method in self._methods},
            accuracy=accuracy,
            auc={how: self._areas(done, how) for how in ("released", "mean")},
            probability=probability,
            all_patches=spread(sums["all patches"]),
            random_orders=sums["random orders"] / done.n_images,
            paper=self._vit.paper,
        )

    def _orders(self, trace: Trace, true: Tensor) -> Tensor:
        """Of all curves, the random ones last, `[order, image, patch]`."""
        classes = logits_of(trace).argmax(-1).cpu() if self._of_answer else true
        orders: list[Tensor] = []
        for method in self._methods:
            tokens = parts_of(method, trace, classes).tokens
            falling = most_relevant_first(tokens[:, self._vit.layout.patches].cpu())
            orders += [falling, falling.flip(-1)]
        others = self._random[:, None].expand(-1, trace.n_images, -1)
        return torch.cat([torch.stack(orders), others]) if orders else others

    def _by_curve(self, values: np.ndarray) -> np.ndarray:
        """`[order, image, point]` to `[image, curve, point]`, the mean of the random orders."""
        named, others = np.split(values, [2 * len(self._methods)])
        mean = others.mean(0, keepdims=True) if len(others) else others
        return np.concatenate([named, mean]).swapaxes(0, 1)

    def _named(self, all_: OverImages) -> dict[str, OverImages]:
        parts = (all_.mean, all_.deviation, all_.half, all_.n)
        return {name: OverImages(*(p[i] for p in parts)) for i, name in enumerate(self._curves)}

    def _areas(self, done: Totals, how: Area) -> dict[str, OverImages]:
        sums, products = done.tallies["accuracy"][2], done.tallies["products"]
        n_patches = self._vit.layout.n_patches
        return {
            name: area(done.n_images, sums[i], products[i], n_patches, how)
            for i, name in enumerate(self._curves)
        }


def _methods(given: Sequence[str | Method]) -> list[Method]:
    """The methods, each once."""
    several = isinstance(given, Iterable) and not isinstance(given, str) and not callable(given)
    some: Any = given if several else [given]
    methods = [method_of(one) for one in some]
    names = [method.name for method in methods]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f'The method "{name}" is there twice; give the other another name.')
    return methods


def _read(logits: Tensor, classes: Tensor, kind: Kind) -> tuple[Tensor, Tensor]:
    """Whether the class comes first, and its probability: `[order, image, class]` to two."""
    index = classes.expand(len(logits), -1)
    probability = probabilities(logits, kind).gather(-1, index[..., None])[..., 0]
    return (logits.argmax(-1) == index).double(), probability.double()
