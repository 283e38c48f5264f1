"""`ViT`: a vision transformer that can be traced."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vitlens_widgets.errors import UsageError, said
from vitlens_widgets.models import BaseViT
from vitlens_widgets.trace.edits import DropTokens, Edit
from vitlens_widgets.trace.trace import Trace, run
from vitlens_widgets.trace.watch import Watch


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
