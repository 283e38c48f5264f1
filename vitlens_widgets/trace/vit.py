"""`ViT`: a vision transformer that can be traced."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from vitlens_widgets.data import LabelSet
from vitlens_widgets.errors import UsageError, check_type, said
from vitlens_widgets.models import BaseViT
from vitlens_widgets.models.classifier import UnitClassifier
from vitlens_widgets.models.patch_readout import PatchRule, own_adapter, reading_patches
from vitlens_widgets.models.prompts import Prompts, from_prompts
from vitlens_widgets.models.vit import with_adapter
from vitlens_widgets.trace.edits import DropTokens, Edit
from vitlens_widgets.trace.trace import Trace, run
from vitlens_widgets.trace.watch import Watch


@runtime_checkable
class PatchTeacher(Protocol):
    """What is asked of a fitted `vl.PatchClassifier` here."""

    vit: BaseViT
    readout: PatchRule

    @property
    def classifier(self) -> UnitClassifier:
        """Reads tokens after the final norm."""
        ...

    @property
    def labels(self) -> LabelSet:
        """The names of its classes."""
        ...

    def check_stands(self, what: str) -> None:
        """Refuse what would answer for another model than that which taught it."""
        ...


class ViT(BaseViT):
    """A vision transformer, seen one way and ready to be traced: `vl.load` makes one.

    Its attributes are those of `models.BaseViT`.
    """

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
            images: A path, URL, PIL image, array, tensor, bytes or row of Hugging Face, or a list
                of them. Arrays are `[height, width, 3]` uint8 or in [0, 1], tensors `[3, height,
                width]`; a batch may be one array or tensor with the image axis first, a folder of
                images, an animation, or a column of Hugging Face.
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
                a model in train mode, or gradients of one with gradient checkpointing.
            UnsupportedModelError: What was captured does not reproduce the model's own answer.

        Example:
            >>> trace = vit.trace("cat.jpg", keep=["q", "k"])
            >>> trace.states.shape  # [state, image, token, d]
            torch.Size([13, 1, 50, 768])
        """
        return run(
            self,
            images,
            edits=edits,
            keep=keep,
            watch=watch,
            grad=grad,
            preprocessed=preprocessed,
        )

    def prompted(self, prompts: Prompts) -> ViT:
        """The same model, classifying by other texts: a twin that shares its weights.

        Args:
            prompts: As in `vl.load(..., prompts=)`.

        Raises:
            UsageError: No prompts, or a model that reads no texts.

        Example:
            >>> twin = vit.prompted(["a photo of a cat", "a photo of a dog"])
            >>> trace.answered_by(twin).logits  # of a trace of vit, without a new forward pass
        """
        adapter = copy.copy(own_adapter(self.adapter))
        names, adapter.classifier = from_prompts(adapter, prompts)
        return with_adapter(self, adapter, LabelSet.of(names))

    def taught(self, classifier: PatchTeacher) -> ViT:
        """The same model, answering with classes taught by examples: a twin with its weights.

        Its readout is what the patches answer, never CLS, and everything that reads the readout
        reads that: lenses, relevance, edits, experiments.

        Args:
            classifier: A fitted `vl.PatchClassifier` of this model.

        Raises:
            UsageError: Something else, or a classifier of another model, of other weights than it
                has now, or of an edited run.

        Example:
            >>> classifier = vl.PatchClassifier(vit, trace).fit({"helmet": [(0, (27, 25))], ...})
            >>> twin = vit.taught(classifier)
            >>> vl.PatchGrid(vl.LogitLens(twin).read(trace.answered_by(twin)))
        """
        if not isinstance(classifier, PatchTeacher):
            raise UsageError(f"taught takes a fitted vl.PatchClassifier, not {said(classifier)}.")
        if classifier.vit.model is not self.model:
            raise UsageError(
                f"This classifier was made for {classifier.vit.name}, and {self.name} is another "
                "model; teach it anew, or load it for this one by vl.PatchClassifier.load."
            )
        classifier.check_stands("used to answer")
        adapter = reading_patches(self.adapter, classifier.classifier, classifier.readout)
        return with_adapter(self, adapter, classifier.labels)


def check_vit(vit: Any, what: str, such_as: str = "toy/p32") -> ViT:
    """The model, if it is one.

    Args:
        vit: What was given.
        what: Takes it, to begin the sentence.
        such_as: The name of a model that would do.

    Raises:
        UsageError: It is something else, such as a model's name.
    """
    return check_type(what, vit, ViT, f'a model from vl.load, such as vl.load("{such_as}")')
