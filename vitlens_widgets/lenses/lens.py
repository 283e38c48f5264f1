"""`Lens`: the contract between a lens and its reading."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from torch import Tensor

from vitlens_widgets.errors import UsageError, said
from vitlens_widgets.trace import Trace, ViT
from vitlens_widgets.trace.vit import check_vit


class Lens(Protocol):
    """Decodes hidden states into class logits."""

    name: str
    vit: ViT

    def decode(self, states: Tensor, first: int, final: Tensor) -> Tensor:
        """Every token of the states `first`, `first + 1`, ...

        `[state, image, token, d] -> [state, image, token, class]`; `final` is the final state of
        the same images, `[image, token, d]`.
        """

    def decode_readout(self, states: Tensor, first: int, final: Tensor) -> Tensor:
        """The model's readout of these states: `[state, image, token, d]` to `[..., class]`."""


def each_state(decode: Callable[[Tensor], Tensor], states: Tensor) -> Tensor:
    """`decode`, which takes `[image, ...]`, of several states `[state, image, ...]` at once."""
    return decode(states.flatten(0, 1)).unflatten(0, states.shape[:2])


def check_lens(lens: Any, what: str) -> Any:
    """The lens, if it is one.

    Args:
        lens: What was given.
        what: Takes it, to begin the sentence.

    Raises:
        UsageError: It is something else.
    """
    if not callable(getattr(lens, "read", None)) or not hasattr(lens, "vit"):
        raise UsageError(
            f"{what} takes a lens, such as vl.LogitLens(vit) or vl.FrozenNormLens(vit), not "
            f"{said(lens)}."
        )
    return lens


def check_classifier(vit: ViT) -> None:
    """Refuse what is not a model from `vl.load` with class logits to read.

    Raises:
        UsageError: It is something else, or has no classifier; the sentence says how to give one.
    """
    check_vit(vit, "A lens")
    if not vit.adapter.has_classifier:
        raise UsageError(
            f"{vit.name} has no classifier, so there are no class logits to read; give it one: "
            f"{vit.adapter.classifier_advice}."
        )


def check_same_model(lens: Lens, trace: Trace) -> None:
    """Refuse to read a trace of another model.

    Raises:
        UsageError: The trace is of another model.
    """
    if not isinstance(trace, Trace):
        raise UsageError(
            f"A lens reads a trace, not {type(trace).__name__}; make one with vit.trace(images)."
        )
    if trace.vit is not lens.vit:
        raise UsageError(
            f"This {lens.name} was made for {lens.vit.name} (id {id(lens.vit):x}), the trace is of "
            f"{trace.vit.name} (id {id(trace.vit):x}); trace and read with the same vl.load result."
        )
