"""`PatchClassifier`: classes taught by examples, for a model that has none, or not these."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import torch

from vitlens_widgets.data import LabelSet
from vitlens_widgets.errors import UsageError, check_choice, counted
from vitlens_widgets.lenses.features import FeatureReading, read_features
from vitlens_widgets.lenses.taught.examples import PatchExamples, Pictures, checked, named_pairs
from vitlens_widgets.lenses.taught.fitting import METHODS, Fitted, Method
from vitlens_widgets.lenses.taught.held_out import HeldOut
from vitlens_widgets.lenses.taught.saved_classifier import SavedClassifier
from vitlens_widgets.lenses.taught.score import score
from vitlens_widgets.models.classifier import UnitClassifier
from vitlens_widgets.models.live import Live, all_of
from vitlens_widgets.models.patch_readout import PatchRule
from vitlens_widgets.trace import Trace, ViT
from vitlens_widgets.trace.vit import check_vit
from vitlens_widgets.trace.weights import SeenWeights

if TYPE_CHECKING:
    from pandas import DataFrame


class PatchClassifier(Live):
    """Classes taught by examples: patches that a user names, read by their final tokens.

    Each patch is a unit vector: its final state after the model's final norm, divided by its
    length. `fit` makes a classifier of such vectors, and `vit.taught(classifier)` is the model that
    answers with it: an ordinary `ViT`, for lenses, relevance, edits and experiments.

    Args:
        vit: The model, from `vl.load`; a classifier of its own is left alone.
        images: Where the examples lie: a trace of the model, what `vl.read_features` made of one,
            or pictures to trace. An example is then (index of the image, token). Without it, an
            example is (the picture itself, token).
        method: `"prototypes"`: a class is the mean of its examples, normalised again; its logit is
            12 times the cosine with it, without a bias. `"logistic"`: a multinomial logistic
            regression on the unit vectors (C = 100, classes weighing the same), of two classes a
            binomial one.
        readout: How the patches' answers become the image's: `"share"` of the patches, by their
            probabilities; `"mean"` of their logits; `"best"`, each class by the patch most like
            it. Exactly: `models.patch_readout.ReadsPatches`.

    Attributes:
        vit: The model.
        method: As given.
        readout: As given.

    Raises:
        UsageError: No model, pictures that cannot be read, a trace of another model, or an unknown
            method or readout.

    Example:
        >>> trace = vit.trace(photo)
        >>> classifier = vl.PatchClassifier(vit, trace).fit(
        ...     {"⛑️ helmet": [(0, (27, 25)), (0, (29, 23))], "🚩 flag": [(0, (4, 2))]}
        ... )
        >>> twin = vit.taught(classifier)
        >>> vl.PatchGrid(vl.LogitLens(twin).read(trace.answered_by(twin)))
    """

    kept_by = "keep it by classifier.save(path), and vl.PatchClassifier.load(path, vit)"

    def __init__(
        self,
        vit: ViT,
        images: Any = None,
        *,
        method: Method = "prototypes",
        readout: PatchRule = "share",
    ) -> None:
        self.vit = check_vit(vit, "PatchClassifier")
        self.method: Method = check_choice("method=", method, METHODS)
        self.readout: PatchRule = check_choice("readout=", readout, get_args(PatchRule))
        self._features = None if images is None else _features_of(vit, images)
        self._taught: _Taught | None = None

    def fit(self, examples: Mapping[str, Iterable[tuple[Any, Any]]]) -> PatchClassifier:
        """The same with classes taught; this one is not changed.

        Args:
            examples: For each class its examples, (image, token) pairs: the image's index or, if
                none were given before, the picture; the patch's index or (row, column). A name may
                begin or end with an emoji: "⛑️ helmet".

        Raises:
            UsageError: Two classes of one name, a class without examples, an image or a patch that
                is not there, an example that is given twice, or one class for "logistic".
        """
        pairs = named_pairs(examples)
        features = self._features
        if features is None:
            pictures = Pictures()
            pairs = {
                name: [(pictures.index(picture), token) for picture, token in of_class]
                for name, of_class in pairs.items()
            }
            features = read_features(self.vit.trace(pictures.every))
        return self.fit_checked(features, checked(pairs, features))

    def fit_checked(self, features: FeatureReading, examples: PatchExamples) -> PatchClassifier:
        """`fit` for examples that were checked already, in images that were read."""
        units = features.units_at([features.trace.n_states - 1], examples.flat)[0]
        n_classes = len(examples.names)
        found = METHODS[self.method](units.astype(np.float64), examples.classes, n_classes)
        fitted = copy.copy(self)
        fitted._features = features
        units = partial(_units, features, examples)
        fitted._taught = _Taught(examples, found, units, _seen(self.vit), features)
        return fitted

    @property
    def examples(self) -> PatchExamples:
        """The examples of each class, in the order of teaching."""
        return self._known.examples

    @property
    def labels(self) -> LabelSet:
        """The names of the classes, with their emoji."""
        return self._known.examples.labels

    @property
    def classifier(self) -> UnitClassifier:
        """From a token after the final norm to class logits."""
        return self._known.classifier

    def held_out(self) -> HeldOut:
        """Whether the classes hold for examples that are left out, each in turn, in every state.

        What it says is found when asked: see `HeldOut` for what that costs.

        Raises:
            UsageError: Nothing is taught yet.
        """
        known = self._known
        n_classes = len(known.examples.names)
        return HeldOut(self.method, known.units, known.examples.classes, n_classes)

    def score(self, masks: Any, images: Any = None) -> DataFrame:
        """How well the final state's patches draw what masks show: a row per class, and the mean.

        Patches' probabilities are enlarged to the masks' size (`lenses.segmentation`), each pixel
        takes the most probable class. IoU is |given and true| / |given or true|, accuracy the
        share of a class's pixels that are given it, both over the pixels of all images.

        Args:
            masks: By name, for the classes that have some, bool `[image, height, width]`; or whole
                numbers of that shape, the index of the class at each pixel and -1 elsewhere. One
                image's may be `[height, width]`.
            images: Which images the masks are of, as for `PatchClassifier`; by default those of
                the examples.

        Raises:
            UsageError: Nothing is taught yet, masks of other shapes or of no class, or images that
                are not there, or the model's weights have changed.
        """
        known = self._known
        known.weights.check("scored")
        features = known.features if images is None else _features_of(self.vit, images)
        if features is None:
            raise UsageError(
                "A classifier that was loaded has no images; give images=, such as a trace."
            )
        return score(known.found, known.examples.labels, features, masks)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write what was taught as safetensors, with that by which its model is known again.

        Raises:
            UsageError: Nothing is taught yet, it was taught on an edited run or the weights have
                changed since, or the file cannot be written.
        """
        self.check_stands("saved")
        known = self._known
        settings = {"method": self.method, "readout": self.readout, **known.examples.as_json()}
        tensors = {"weight": torch.from_numpy(known.found.weight)}
        if known.found.bias is not None:
            tensors["bias"] = torch.from_numpy(known.found.bias)
        tensors["units"] = torch.from_numpy(known.units)
        SavedClassifier.about(self, settings, tensors).write(path)

    def check_stands(self, what: str) -> None:
        """Refuse what would answer for another model than that which taught it.

        Args:
            what: Shall be done with it, for the sentence: "saved".

        Raises:
            UsageError: Nothing is taught yet, the examples were seen in an edited run, or the
                model's weights have changed since.
        """
        known = self._known
        if known.features is not None and known.features.trace.edits:
            raise UsageError(
                f"This classifier was taught on an edited run, and {self.vit.name} answers without "
                f"edits, so that it cannot be {what}; teach on a trace without edits."
            )
        known.weights.check(what)

    @classmethod
    def load(cls, path: str | os.PathLike[str], vit: ViT | None = None) -> PatchClassifier:
        """Read what `save` wrote; no code in the file is run.

        Args:
            path: The file.
            vit: The model that it was taught on, loaded again; it is needed. Its images may have
                another size: classes are of tokens. The tokens of `examples` are those of the
                images that they were clicked in.

        Raises:
            UsageError: No model, no such file or no classifier in it, or one of another model.
        """
        vit = check_vit(vit, "PatchClassifier.load, after the file,")
        words = SavedClassifier.read(path).arguments_for(vit)
        loaded = cls(vit, method=words["method"], readout=words["readout"])
        bias = words.get("bias")
        found = Fitted(words["weight"].cpu().numpy(), None if bias is None else bias.cpu().numpy())
        examples = PatchExamples.from_json(words)
        loaded._taught = _Taught(examples, found, words["units"].cpu().numpy, _seen(vit))
        return loaded

    def _shared(self) -> Iterable[object]:
        """The model, and what was read of its images."""
        return (*all_of(self.vit), self._features)

    @property
    def _known(self) -> _Taught:
        if self._taught is None:
            raise UsageError(
                "Nothing is taught yet; classifier.fit({name: [(image, token), ...]}) gives a "
                "classifier that is."
            )
        return self._taught

    def __repr__(self) -> str:
        if self._taught is None:
            return f"PatchClassifier({self.vit.name}: nothing taught yet)"
        n = len(self.examples.flat)
        names = ", ".join(self.labels)
        return f"PatchClassifier({self.vit.name}: {names}; {counted(n, 'example')}, {self.method})"


@dataclass(frozen=True)
class _Taught:
    """What `fit` found, or `load` read."""

    examples: PatchExamples
    found: Fitted
    make_units: Callable[[], np.ndarray]
    weights: SeenWeights
    """Of the model when it was taught."""
    features: FeatureReading | None = None

    @cached_property
    def units(self) -> np.ndarray:
        """The examples' unit vectors in every state, float32 `[state, example, d]`."""
        return self.make_units()

    @cached_property
    def classifier(self) -> UnitClassifier:
        """In the types of a model."""
        weight, bias = self.found
        bias = None if bias is None else torch.from_numpy(bias).float()
        return UnitClassifier(torch.from_numpy(weight).float(), bias)


def _seen(vit: ViT) -> SeenWeights:
    return SeenWeights(vit, "classifier", "teach")


def _units(features: FeatureReading, examples: PatchExamples) -> np.ndarray:
    return features.units_at(range(features.trace.n_states), examples.flat)


def _features_of(vit: ViT, images: Any) -> FeatureReading:
    """What is read of images that were given as a trace, as a reading, or as pictures."""
    if isinstance(images, FeatureReading):
        features = images
    else:
        trace = images if isinstance(images, Trace) else vit.trace(images)
        features = read_features(trace)
    if features.trace.vit.model is not vit.model:
        raise UsageError(
            f"These images were traced by {features.trace.vit.name}, and the classifier is of "
            f"{vit.name}; trace and teach with the same vl.load result."
        )
    return features
