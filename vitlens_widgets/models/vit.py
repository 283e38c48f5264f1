"""`BaseViT`: any vision transformer, seen one way."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import torch

from vitlens_widgets.data import LabelSet
from vitlens_widgets.errors import UsageError
from vitlens_widgets.models.adapter import Adapter, require
from vitlens_widgets.models.channels import of_channels
from vitlens_widgets.models.classifier import CosineClassifier, as_classifier
from vitlens_widgets.models.foreign import Foreign
from vitlens_widgets.models.grey import in_grey, of_one
from vitlens_widgets.models.layout import TokenLayout
from vitlens_widgets.models.live import Live
from vitlens_widgets.models.preprocessing import (
    DEFAULTS,
    Preprocessing,
    check_words,
    from_timm_config,
)
from vitlens_widgets.models.probabilities import Kind, check_kind
from vitlens_widgets.models.prompts import Prompts, ReadsTexts, from_prompts
from vitlens_widgets.models.readout import Readout
from vitlens_widgets.models.registry import family_of
from vitlens_widgets.models.whole import check_weights, of_its_class

AnyViT = TypeVar("AnyViT", bound="BaseViT")


class BaseViT(Live):
    """A model with the words to read it; `trace.ViT` is one that can be traced.

    Attributes:
        model: The module itself, as its library made it.
        name: What it was loaded as.
        adapter: How its parts are found.
        labels: The class names, `LabelSet`; empty without a classifier.
        layout: Its token sequence, `TokenLayout`.
        preprocessing: From image to pixels and back.
        probabilities: `"softmax"`, or `"sigmoid"` where each class is a yes or a no.
        paper: Which of `vl.paper_models()` this is, whose published values belong beside its own;
            "" for every other model.
    """

    paper: str = ""
    kept_by = "keep its weights, torch.save(vit.model.state_dict(), path), and load it again"

    def __init__(
        self,
        model: Foreign,
        *,
        name: str = "",
        labels: Sequence[str] | str | None = None,
        image_size: tuple[int, int] | None = None,
        preprocessing: Mapping[str, Any] | None = None,
        classifier: Any = None,
        prompts: Prompts | None = None,
        probabilities: Kind | None = None,
    ) -> None:
        family = family_of(model)
        check_weights(model)
        with of_its_class(model):
            self.adapter: Adapter = family(model, image_size)
            require(self.adapter.n_layers > 0, model, "it must have blocks", "there is none")
            labels = _give_classifier(self.adapter, classifier, prompts, labels)
            self.layout: TokenLayout = self.adapter.layout()
            self.labels: LabelSet = _labels(self.adapter, labels)
        self.model = model
        self.name = name or self.adapter.checkpoint_name() or type(model).__name__
        own = probabilities is None
        self.probabilities: Kind = self.adapter.probabilities if own else check_kind(probabilities)
        self.preprocessing: Preprocessing = _preprocessing(self.adapter, preprocessing)

    @property
    def n_layers(self) -> int:
        """The number L of blocks; the trace has L + 1 states."""
        return self.adapter.n_layers

    @property
    def n_heads(self) -> int:
        """Attention heads per block."""
        return self.adapter.n_heads

    @property
    def width(self) -> int:
        """The width d of the residual stream."""
        return self.adapter.width

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width) in pixels of the images that it was loaded for."""
        return self.adapter.image_size

    @property
    def patch_size(self) -> tuple[int, int]:
        """(height, width) of a patch in pixels."""
        return self.adapter.patch_size

    @property
    def readout(self) -> Readout:
        """What the model's own classifier reads; its name is `"CLS"`, `"mean of patches"`, ..."""
        return self.adapter.readout

    @property
    def state_names(self) -> list[str]:
        """`["0_pre", "1_pre", ..., "final"]`: state k is the residual stream before block k."""
        return [*(f"{k}_pre" for k in range(self.n_layers)), "final"]

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return next(self.model.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """The type of its weights."""
        return next(self.model.parameters()).dtype

    @property
    def reads_texts(self) -> bool:
        """Whether it can classify by prompts: it came with its text tower."""
        return isinstance(self.adapter, ReadsTexts)

    @property
    def prompts(self) -> dict[str, list[str]]:
        """The texts of each class, where the model classifies by prompts; else there are none."""
        classifier = self.adapter.classifier
        if not isinstance(classifier, CosineClassifier):
            return {}
        return {name: [*of] for name, of in zip(self.labels, classifier.texts, strict=False)}

    def __repr__(self) -> str:
        labels = f"{len(self.labels)} labels" if len(self.labels) else "no classifier"
        blocks = f"{self.n_layers} block{'s' * (self.n_layers > 1)}"
        return (
            f"{type(self).__name__}({self.name}: {blocks}, {self.n_heads} heads, "
            f"width {self.width}, {self.layout}, reads {self.readout.name}, {labels})"
        )


def with_adapter(vit: AnyViT, adapter: Adapter, labels: LabelSet) -> AnyViT:
    """The same model read by another adapter: a copy that shares its module.

    Args:
        vit: The model.
        adapter: Of the same module.
        labels: The names of the classes that the adapter answers with.
    """
    twin = copy.copy(vit)
    twin.adapter, twin.labels = adapter, labels
    twin.probabilities, twin.paper = adapter.probabilities, ""
    return twin


def _give_classifier(
    adapter: Adapter,
    classifier: Any,
    prompts: Prompts | None,
    labels: Sequence[str] | str | None,
) -> Sequence[str] | str | None:
    """Give the adapter the user's classifier, if any; the labels that go with it."""
    if classifier is not None and prompts is not None:
        raise UsageError("Give either classifier= or prompts=, not both.")
    if prompts is not None:
        names, adapter.classifier = from_prompts(adapter, prompts)
        return names if labels is None else labels
    if classifier is not None:
        adapter.classifier = as_classifier(classifier, adapter.n_features)
    return labels


def _labels(adapter: Adapter, given: Sequence[str] | str | None) -> LabelSet:
    n_classes = adapter.n_classes
    names = adapter.label_names() if given is None and n_classes else given
    if not n_classes and given is not None:
        raise UsageError(
            "labels= names the classes of a classifier, and this model has none; give it one with "
            "classifier= or prompts=."
        )
    if not n_classes:
        labels = LabelSet((), (), "no classifier")
    elif names is None:
        labels = LabelSet.numbered(n_classes)
    elif isinstance(names, str):
        labels = LabelSet.known(names)
    elif isinstance(names, LabelSet):
        labels = names
    else:
        labels = LabelSet.of(names)
    if len(labels) != n_classes:
        raise UsageError(f"{len(labels)} labels were given for a model with {n_classes} classes.")
    return labels


def _preprocessing(adapter: Adapter, given: Mapping[str, Any] | None) -> Preprocessing:
    words: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    if adapter.n_channels == 1 and "shown" not in words:
        return in_grey(_of_colors(adapter, of_one(words) if words else given))
    if adapter.n_channels != 3:
        return of_channels(adapter.n_channels, given, adapter.image_size)
    return _of_colors(adapter, given)


def _of_colors(adapter: Adapter, given: Mapping[str, Any] | None) -> Preprocessing:
    if given is None:
        return adapter.preprocessing()
    check_words(given)
    if "mean" not in given or "std" not in given:
        raise UsageError("preprocessing= must say at least the mean and the std of each channel.")
    return from_timm_config({**DEFAULTS, **given}, adapter.image_size)
