"""What Features shows of activations: of the data set, of the model, of own images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from vitlens_widgets.errors import UsageError
from vitlens_widgets.widgets.features.of_data import shown_classes
from vitlens_widgets.widgets.features.of_model import NO_IMAGE, OfModel, nothing
from vitlens_widgets.widgets.features.seam import (
    CatalogueLike,
    ClassAreas,
    DataPatches,
    Kind,
    Neighbour,
    Strongest,
    TurnedAnswers,
    WrittenLogits,
)
from vitlens_widgets.widgets.shared.checks import has_all, refusal
from vitlens_widgets.widgets.shared.recent import Recent

if TYPE_CHECKING:
    from vitlens_widgets.analysis.activations import Activations, Selectivity
    from vitlens_widgets.trace import Trace, ViT

FACE = ("strongest", "tenths", "counts", "edges", "turned", "data_picture")
SCORE = "an image's largest activation"
_PICTURES = 256  # of the data set, kept


class ActivationSource:
    """What `vl.analysis.activations` has found, with the model that it was found of.

    Args:
        found: What was found.
        vit: The model; None where nobody gives it.
        trace: A run of own images; None without.
    """

    def __init__(self, found: Activations, vit: ViT | None, trace: Trace | None) -> None:
        self._found, self._trace = found, trace
        self.site, self.layers, self.width = found.site, found.layers, found.width
        self.kind: Kind = (
            "latent" if found.sae else "neuron" if found.site == "mlp_post" else "channel"
        )
        self._model = OfModel(vit, trace, self.kind, found)
        self.model_name = found.title.split(",")[0] if vit is None else vit.name
        self.n_layers = max(found.layers) + 1 if vit is None else vit.n_layers
        self.layout, self.n_data = found.layout, found.n_images
        self._apart = list(found.groups.classes) if found.tallies["class tokens"].any() else []
        self.labels = self._labels()
        self.edges, self.counts = found.edges, found.counts
        self.largest, self.mean = found.largest, found.mean
        told = _selectivity(found) if self._apart else None
        self.selectivity = None if told is None else ClassAreas(told.auc, told.null, SCORE)
        self._told = told
        self.n_images = 0 if trace is None else trace.n_images
        self.answers, self.answers_are = self._model.answers, self._model.answers_are
        self.readout_name = "" if vit is None else vit.adapter.readout.name
        self._pictures = Recent(self._read, most=_PICTURES)

    def _labels(self) -> Any:
        """The classes that are counted apart."""
        from vitlens_widgets.data.labels import LabelSet

        every = self._found.labels
        if not self._apart:
            return nothing()
        emoji = every.emoji
        return LabelSet.of([every[i] for i in self._apart], "", [emoji[i] for i in self._apart])

    def counts_of(self, layer: int, feature: int) -> np.ndarray:
        """How many patches of each class fall in each bin, `[class, bin]`."""
        return self._found.counts_of(layer, feature)

    def counts_of_best(self, best: np.ndarray) -> np.ndarray:
        """The same of one class of each feature alone, `[feature, bin]`."""
        counts = self._found.tallies["counts"]
        return counts[np.maximum(best, 0), np.arange(len(best))] * (best >= 0)[:, None]

    def interval(self, layer: int, feature: int, target: int) -> tuple[float, float] | None:
        """95 of 100 of the areas, images drawn anew."""
        if self._told is None:
            return None
        at = self.layers.index(layer), feature, target
        return float(self._told.low[at]), float(self._told.high[at])

    def strongest(self, layer: int, feature: int) -> Strongest:
        """The images that it fires most on; where it is of no patches, all of each image."""
        found = self._found.images(layer, feature)
        if self._found.grid == (self.layout.rows, self.layout.cols):
            return Strongest(*found)
        grid = (len(found.value), self.layout.rows, self.layout.cols)
        whole = np.broadcast_to(found.value[:, None, None], grid)
        return Strongest(found.image, np.zeros_like(found.patch), found.value, whole)

    def tenths(self, layer: int, feature: int) -> DataPatches:
        """A patch from each tenth of its activations above 0; none where it is of no patches."""
        found = self._found.tenths(layer, feature)
        if self._found.grid != (self.layout.rows, self.layout.cols):
            return DataPatches(*(part[:0] for part in found))
        return DataPatches(*found)

    def data_picture(self, number: int) -> np.ndarray:
        """An image of the data set as the model saw it."""
        return self._pictures(number)[0]

    def shown(self, number: int) -> np.ndarray:
        """The class that each patch shows, as far as the data set knows, -1 for none, `[patch]`."""
        return self._pictures(number)[1]

    def _read(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        from vitlens_widgets.data import read_image

        example = self._found.data[number]
        picture = self._found.preprocessing.picture(read_image(example.image))
        return picture, shown_classes(self._found, number, example, self._apart)

    def writes(self, layer: int, feature: int) -> WrittenLogits:
        """What 1 of its activation adds to the classes' logits."""
        return self._model.writes(layer, feature)

    def readers(self, layer: int, feature: int) -> np.ndarray:
        """How much later heads take of it, `[later layer, head, value | key | query]`."""
        return self._model.readers(layer, feature)

    def neighbours(self, layer: int, feature: int) -> dict[str, list[Neighbour]]:
        """Features that write the same."""
        return self._model.neighbours(layer, feature)

    def partners(self, layer: int, feature: int) -> dict[str, list[Neighbour]]:
        """Features that fire with it."""
        return self._model.partners(layer, feature)

    def picture(self, image: int) -> np.ndarray:
        """An own image as the model saw it."""
        if self._trace is None:
            raise UsageError(NO_IMAGE)
        return self._trace.pictures[image]

    def activations(self, image: int) -> np.ndarray:
        """Of all features on an own image, float32 `[layer, token, feature]`."""
        return self._model.activations(image)

    def effects(self, image: int, target: str | None) -> tuple[str, np.ndarray]:
        """Whose logit is meant, and what each feature adds to it by itself, `[layer, feature]`."""
        return self._model.effects(image, target)

    def turned(
        self, image: int, layer: int, feature: int, strengths: Sequence[float]
    ) -> TurnedAnswers:
        """Answers with the feature turned down and up."""
        return self._model.turned(image, layer, feature, strengths)


_told: WeakKeyDictionary[Activations, Selectivity] = WeakKeyDictionary()
"""What was asked before of the same activations: its null takes seconds."""


def _selectivity(found: Activations) -> Selectivity:
    if found not in _told:
        _told[found] = found.selectivity()
    return _told[found]


def source_of(given: Any, vit: Any, images: Any) -> CatalogueLike:
    """What to show of activations.

    Raises:
        UsageError: They are none, or the model is not the one that they were found of.
    """
    if has_all(given, FACE):
        return given
    if not has_all(given, ("tallies", "groups", "layers", "preprocessing")):
        raise refusal(
            "Features shows what vl.analysis.activations(vit, data) has found, with the model "
            "beside it: vl.Features(found, vit, image)",
            given,
        )
    if vit is None:
        if images is not None:
            raise UsageError("Own images run through the model: vl.Features(found, vit, images).")
        return ActivationSource(given, None, None)
    from vitlens_widgets.trace.vit import check_vit

    known = check_vit(vit, "Features")
    _check_same(given, known)
    return ActivationSource(given, known, None if images is None else known.trace(images))


def _check_same(found: Activations, vit: ViT) -> None:
    """Refuses a model with other tokens or blocks than the one that was looked at."""
    if vit.layout != found.layout or max(found.layers) >= vit.n_layers:
        raise UsageError(
            f"{vit.name} is not the model of these activations: it has {vit.layout} and "
            f"{vit.n_layers} blocks, they are of {found.layout} and of block "
            f"{max(found.layers)}; give the model that vl.analysis.activations was given."
        )
