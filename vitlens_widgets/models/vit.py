"""`ViT`: any vision transformer, seen one way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from vitlens_widgets.data import LabelSet
from vitlens_widgets.errors import UsageError, said
from vitlens_widgets.models.adapter import Adapter
from vitlens_widgets.models.classifier import as_classifier
from vitlens_widgets.models.families import family_of
from vitlens_widgets.models.layout import TokenLayout
from vitlens_widgets.models.preprocessing import (
    DEFAULTS,
    Preprocessing,
    check_words,
    from_timm_config,
)
from vitlens_widgets.models.prompts import Prompts, from_prompts

if TYPE_CHECKING:
    from vitlens_widgets.trace import Trace
    from vitlens_widgets.trace.edits import DropTokens, Edit
    from vitlens_widgets.trace.watch import Watch


class ViT:
    """A model with the words to read it: `vl.load` makes one.

    Attributes:
        model: The module itself, as its library made it.
        name: What it was loaded as.
        adapter: How its parts are found.
        labels: The class names, `LabelSet`; empty without a classifier.
        layout: Its token sequence, `TokenLayout`.
        preprocessing: From image to pixels and back.
        paper: Which of `vl.paper_models()` this is, whose published values belong beside its own;
            "" for every other model.
    """

    paper: str = ""

    def __init__(
        self,
        model: nn.Module,
        *,
        name: str = "",
        labels: Sequence[str] | str | None = None,
        image_size: tuple[int, int] | None = None,
        preprocessing: Mapping[str, Any] | None = None,
        classifier: Any = None,
        prompts: Prompts | None = None,
    ) -> None:
        self.adapter: Adapter = family_of(model)(model, image_size)
        labels = _give_classifier(self.adapter, classifier, prompts, labels)
        self.model = model
        self.name = name or self.adapter.checkpoint_name() or type(model).__name__
        self.layout: TokenLayout = self.adapter.layout()
        self.labels: LabelSet = _labels(self.adapter, labels)
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
    def readout_name(self) -> str:
        """What the model's own classifier reads: `"CLS"`, `"mean of patches"`, ..."""
        return self.adapter.readout_name

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

    def trace(
        self,
        images: Any,
        *,
        edits: Sequence[Edit | DropTokens] = (),
        keep: str | Sequence[str] = (),
        watch: Watch | None = None,
        grad: bool = False,
        preprocessed: bool = False,
    ) -> Trace:
        """Run the model once over a batch of images and keep what the run left behind.

        Args:
            images: A path, URL, PIL image, array or tensor, or a list of them. Arrays are
                `[height, width, 3]` uint8 or in [0, 1], tensors `[3, height, width]`; a batch may
                be one array or tensor with the image axis first.
            edits: Changes to make on the way, in order: see `vl.edits`.
            keep: Sites to keep beside the states: their names, or `"all"`. A site that was not
                kept is still there, `trace["attn_out", 3]`: its block is run again when asked.
            watch: Functions to show sites to while the model runs, by site: with
                `{"pattern": f}`, `f(layer, pattern)` is called for each block in turn. Nothing of
                it is kept, so that a statistic of all attention maps takes the memory of one
                block's; a function that keeps a value must copy it.
            grad: Keep the graph, so that `torch.autograd.grad` can be asked for the gradient of
                `trace.logits` in every kept site and in `trace["resid_pre", k]`. Sites that were
                not kept cannot be asked for, nor the pattern because q and k were: it would be off
                the path. `keep=["pattern"]` has the model attend without its fused attention.
            preprocessed: The images are a tensor of pixels as the model takes them,
                `[image, 3, height, width]`, and are used as they are.

        Raises:
            UsageError: An image that cannot be read, an unknown site, an edit that does not fit,
                a model in train mode.
            UnsupportedModelError: What was captured does not reproduce the model's own answer.

        Example:
            >>> trace = vit.trace("cat.jpg", keep=["q", "k"])
            >>> trace.states.shape  # [state, image, token, d]
            torch.Size([13, 1, 50, 768])
        """
        from vitlens_widgets.trace.run import run  # the one call upwards, for this sentence's sake

        words = {"keep": keep, "watch": watch, "grad": grad, "preprocessed": preprocessed}
        return run(self, images, edits=edits, **words)

    def __repr__(self) -> str:
        labels = f"{len(self.labels)} labels" if len(self.labels) else "no classifier"
        blocks = f"{self.n_layers} block{'s' * (self.n_layers > 1)}"
        return (
            f"ViT({self.name}: {blocks}, {self.n_heads} heads, width {self.width}, "
            f"{self.layout}, reads {self.readout_name}, {labels})"
        )


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


def check_vit(vit: Any, what: str, such_as: str = "toy/p32") -> ViT:
    """The model, if it is one.

    Args:
        vit: What was given.
        what: Takes it, to begin the sentence.
        such_as: The name of a model that would do.

    Raises:
        UsageError: It is something else, such as a model's name.
    """
    if not isinstance(vit, ViT):
        raise UsageError(
            f'{what} takes a model from vl.load, such as vl.load("{such_as}"), not {said(vit)}.'
        )
    return vit


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
    if given is None:
        return adapter.preprocessing()
    check_words(given)
    if "mean" not in given or "std" not in given:
        raise UsageError("preprocessing= must say at least the mean and the std of each channel.")
    return from_timm_config({**DEFAULTS, **given}, adapter.image_size)
