"""What heads write to the readout, as moments over images, and the texts that say most of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, cast

import numpy as np
import torch

from vitlens_widgets.analysis.experiment import Measures, over_data
from vitlens_widgets.analysis.stream import ExampleBatch, Totals
from vitlens_widgets.analysis.text_span.greedy import Chosen, Moments, greedy_span
from vitlens_widgets.analysis.text_span.result import TextSpan
from vitlens_widgets.data import Dataset
from vitlens_widgets.errors import UsageError, as_list, check_count, check_seed, check_text
from vitlens_widgets.lenses.head_outputs import HeadOutputs
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.models.prompts import ReadsTexts
from vitlens_widgets.trace import Trace, ViT
from vitlens_widgets.trace.frozen_features import FrozenFeatures
from vitlens_widgets.trace.sites import check_index

_LAST, _USUAL = 4, 5
_SUCH_AS = '["a photo of a cat", "a sunny day", "something red"]'


@over_data(TextSpan)
def text_span(
    vit: ViT,
    data: Dataset,  # noqa: ARG001  # the one loop reads it
    *,
    texts: Sequence[str] | None = None,
    layers: Sequence[int] | None = None,
    n_texts: int | None = None,
    rank: int = 80,
    n_random: int = 5,
    seed: int = 0,
) -> Measures[TextSpan]:
    """Say in a few texts how what each head writes to the readout varies over images.

    What a head writes is brought among the pooled features, with the final norm's scale frozen at
    each run (`FrozenFeatures`), in CLIP among the texts. Of a pool of texts those are taken, one
    after the other, along which these vectors vary most; each takes its direction away from
    vectors and texts. The share of the variance that they say stands beside what as many random
    directions would say, chosen from a pool of the same size.

    A head's second moments take `8 * features^2` bytes, 2 MB of a ViT-B's CLIP.

    Args:
        vit: The model; of CLIP or SigLIP with its text tower, loaded with prompts.
        data: Images; their classes are not looked at. In one image alone nothing varies, and no
            text is taken.
        texts: The pool, each compared as a direction of length 1; None for the model's own
            classes, whose classifier's rows take the texts' place. A file of `save_to` can be asked
            by other texts.
        layers: The blocks; None for the last four, as in the paper.
        n_texts: How many are taken for each head; None for five, or all of fewer.
        rank: How many main axes of a head's vectors texts are projected on.
        n_random: How many pools of random directions are asked beside.
        seed: Of these.

    Raises:
        UsageError: A data set or file that does not fit (see `run`), a model that reads no texts, a
            block that is not there, or more texts than there are.

    Source:
        Gandelsman, Efros & Steinhardt (2024), "Interpreting CLIP's image representation via
        text-based decomposition", algorithm 1.

    Example:
        >>> words = ["a photo of a cat", "something red", "at the top left"]
        >>> found = vl.analysis.text_span(vit, vl.world.Scenes(), texts=words, n_images=200)
        >>> found.texts(5, 0)
    """
    pool = list(vit.labels) if texts is None else as_list("texts=", texts, _SUCH_AS)
    if not pool:
        raise UsageError(f"texts= takes the texts to choose from, such as {_SUCH_AS}, not none.")
    pool = [check_text("A text", one, "a photo of a cat") for one in pool]
    if n_texts is None:
        n_texts = min(_USUAL, len(pool))
    check_count("n_texts", n_texts, least=1, most=len(pool))
    check_count("rank", rank, least=1)
    check_count("n_random", n_random, least=1)
    chance = n_random, check_seed(seed)
    return _TextSpanMeasure(vit, pool, texts is not None, layers, n_texts, rank, chance)


class _TextSpanMeasure(Measures[TextSpan]):
    """See `vitlens_widgets.analysis.stream.BatchMeasure`."""

    name = "text span"
    own_labels: ClassVar = True  # whatever the classes: they are not looked at
    usual: ClassVar = {"layers": None}

    def __init__(
        self,
        vit: ViT,
        pool: list[str],
        given: bool,
        layers: Sequence[int] | None,
        n_texts: int,
        rank: int,
        chance: tuple[int, int],
    ) -> None:
        self._vit, self._pool = vit, pool
        self._directions = _directions(vit, pool if given else None)
        self._layers = _checked_layers(vit, layers)
        self._n, self._rank, self._chance = n_texts, rank, chance
        self.settings = {"layers": None if layers is None else self._layers}

    def measure(self, batch: ExampleBatch) -> dict[str, np.ndarray]:
        """What a batch adds to the moments of each head's vectors."""
        trace = self._vit.trace(batch.pixels, preprocessed=True)
        vectors = self._vectors(trace)
        return {
            "total": vectors.sum(0),
            "products": np.einsum("ilhf,ilhg->lhfg", vectors, vectors, optimize=True),
        }

    def result(self, done: Totals) -> TextSpan:
        """What it all says."""
        heads = (len(self._layers), self._vit.n_heads)
        found = self._of_all(done, self._directions)
        n_random, seed = self._chance
        rng = np.random.default_rng(seed)
        random = [
            self._of_all(done, _units(rng.standard_normal(self._directions.shape)))
            for _ in range(n_random)
        ]
        return TextSpan(
            title=done.title,
            pool=tuple(self._pool),
            layers=tuple(self._layers),
            chosen=np.stack([one.which for one in found]).reshape(*heads, self._n),
            explained=np.stack([one.explained for one in found]).reshape(*heads, self._n),
            chance=np.stack([[one.explained for one in some] for some in random]).reshape(
                n_random, *heads, self._n
            ),
            n_images=done.n_images,
        )

    @clean
    @torch.no_grad()
    def _vectors(self, trace: Trace) -> np.ndarray:
        """What each head writes, among the features: float64 `[image, layer, head, feature]`."""
        frozen = FrozenFeatures(trace)
        outputs = (HeadOutputs(trace, layer) for layer in self._layers)
        heads = range(self._vit.n_heads)
        of_layers = [[frozen.of(layer.of(head)) for head in heads] for layer in outputs]
        stacked = torch.stack([torch.stack(heads, dim=1) for heads in of_layers], dim=1)
        return stacked.double().cpu().numpy()

    def _of_all(self, done: Totals, directions: np.ndarray) -> list[Chosen]:
        """Of every head, layer by layer."""
        sums = done.tallies["total"], done.tallies["products"]
        total, products = (one.reshape(-1, *one.shape[2:]) for one in sums)
        return [
            greedy_span(Moments(done.n_images, *of), directions, self._n, self._rank)
            for of in zip(total, products, strict=True)
        ]


def _checked_layers(vit: ViT, layers: Sequence[int] | None) -> list[int]:
    """The blocks that are asked about.

    Raises:
        UsageError: One is not there, or none is given.
    """
    if layers is None:
        return list(range(max(0, vit.n_layers - _LAST), vit.n_layers))
    given = as_list("layers=", layers, "[10, 11]")
    if not given:
        raise UsageError("layers= takes some blocks, such as [10, 11], not none.")
    chosen = [check_index("layer", one, vit.n_layers) for one in given]
    if len(set(chosen)) < len(chosen):
        raise UsageError(f"layers={given} names a block twice; once is enough.")
    return chosen


@clean
@torch.no_grad()
def _directions(vit: ViT, texts: Sequence[str] | None) -> np.ndarray:
    """Of each text, or of each class of the model, among the pooled features, of length 1.

    Raises:
        UsageError: The model reads no texts, or its classifier is no directions of what is pooled.
    """
    adapter = vit.adapter
    if texts is None:
        classifier: Any = adapter.head if adapter.classifier is None else adapter.classifier
        rows = getattr(classifier, "directions", getattr(classifier, "weight", None))
        if rows is None or rows.ndim != 2 or rows.shape[1] != adapter.n_features:
            raise UsageError(
                f"The classifier of {vit.name} is a {type(classifier).__name__}, which has no "
                "direction for each class among what is pooled; give texts=, or a linear "
                "classifier=."
            )
    elif isinstance(adapter, ReadsTexts):
        rows = adapter.embed_texts(list(texts))
    else:
        raise UsageError(
            f"{vit.name} reads no texts: texts=None asks its own classes; texts need a CLIP or "
            "SigLIP with its text tower."
        )
    return _units(cast("torch.Tensor", rows).detach().double().cpu().numpy())


def _units(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)
