"""`Lens`: from hidden states to class logits; what all lenses have in common."""

from __future__ import annotations

import copy
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import torch
from torch import Tensor

from vitlens_widgets.errors import UsageError, check_type
from vitlens_widgets.lenses.reading import Reading
from vitlens_widgets.lenses.saved import SavedLens
from vitlens_widgets.lenses.source import source_of
from vitlens_widgets.models import BaseViT
from vitlens_widgets.models.live import Live, all_of
from vitlens_widgets.trace import Trace, ViT
from vitlens_widgets.trace.vit import check_vit

Self = TypeVar("Self", bound="Lens")


class Lens(Live, ABC):
    """Decodes hidden states into class logits.

    A lens of one's own says in `transform` what it makes of the states; the model's own norm and
    classifier then read them, every token and the model's readout. Reading, memory, widgets,
    experiments and files come with it.

    Args:
        vit: The model, from `vl.load`.

    Attributes:
        name: Stands in titles; the class's own name unless the class says another.

    Raises:
        UsageError: The model has no classifier.

    Example:
        >>> class Louder(vl.Lens):
        ...     name = "louder lens"
        ...
        ...     def transform(self, states, first, final):
        ...         return 2 * states
        >>> vl.PatchGrid(Louder(vit).read(trace))
    """

    name: str
    kept_by = "keep it by lens.save(path), and vl.Lens.load(path, vit)"

    def __init_subclass__(cls, **words: Any) -> None:
        super().__init_subclass__(**words)
        if "name" not in vars(cls):
            cls.name = cls.__name__

    def __init__(self, vit: ViT) -> None:
        check_classifier(vit)
        self.vit = vit

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.vit.name})"

    @property
    def sees_states_alone(self) -> bool:
        """Whether what it makes of a state depends on nothing else; of one's own it is unknown."""
        return False

    @abstractmethod
    def transform(self, states: Tensor, first: int, final: Tensor) -> Tensor:
        """What the model's final norm and classifier are to read in place of some states.

        It is called with a few states of a few images at a time, and must treat each state of each
        image alike whichever others are there; its tokens come all together, without those that the
        trace dropped. Where it leaves the last state as it is, the lens answers there what the
        model answers.

        Args:
            states: The states `first`, `first + 1`, ..., `[state, image, token, d]`; in a reading
                of sub-block outputs, those of the blocks `first`, `first + 1`, ...
            first: The number of the first of them.
            final: The final state of the same images, `[image, token, d]`.

        Returns:
            `[state, image, token, d]`.
        """

    def classify(
        self, to_logits: Callable[[Tensor], Tensor], states: Tensor, final: Tensor
    ) -> Tensor:
        """Logits of transformed states; for a lens that changes the norm or the classifier.

        Args:
            to_logits: The model's own way, from `[image, token, d]` to the class logits of every
                token, or of the readout.
            states: Transformed, `[state, image, token, d]`.
            final: The final state of the same images, `[image, token, d]`.

        Returns:
            `[state, image, token, class]`, or `[state, image, class]` of the readout.
        """
        del final
        return each_state(to_logits, states)

    def decode(self, states: Tensor, first: int, final: Tensor) -> Tensor:
        """Every token of some states: `[state, image, token, d] -> [state, image, token, class]`.

        Arguments and errors as for `transform` and `decode_readout`.
        """
        transformed = self._transformed(states, first, final)
        return self.classify(self.vit.adapter.token_logits, transformed, final)

    def decode_readout(self, states: Tensor, first: int, final: Tensor) -> Tensor:
        """The model's readout of some states: `[state, image, token, d] -> [state, image, class]`.

        Raises:
            UsageError: `transform` gives another shape than it was given.
        """
        transformed = self._transformed(states, first, final)
        return self.classify(self.vit.adapter.readout_logits, transformed, final)

    def read(
        self,
        trace: Trace,
        site: str = "resid",
        head: int | None = None,
        value_bias: bool = True,
    ) -> Reading:
        """Read a trace.

        Args:
            trace: A trace of the same model; one of a twin with another classifier is answered
                anew by this lens's (`trace.answered_by`).
            site: `"resid"`: its L + 1 states; `"attn_out"` or `"mlp_out"`: what each of the L
                blocks adds to the stream.
            head: With `"attn_out"`: one head's part of it (`vitlens_widgets.lenses.source`).
            value_bias: Of a head: whether what its value bias adds, whatever it looks at, is in it
                (True) or left out, as TransformerLens and Prisma fold it into the block's bias.

        Raises:
            UsageError: The trace is of another model, or an unknown site or head.
        """
        own = self._answered(trace)
        return Reading(self, source_of(own, site, head, value_bias))

    def answered_by(self: Self, vit: ViT) -> Self:
        """The same lens, answered by a twin of its model: `vit.prompted` or `vit.taught`."""
        lens = copy.copy(self)
        lens.vit = vit
        return lens

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the lens as safetensors: its arguments, and by what its model is known again.

        Args:
            path: The file, such as `"lens.safetensors"`.

        Raises:
            UsageError: The class does not keep each argument of `__init__` under its own name, or
                one is neither a tensor nor what JSON can say.
        """
        SavedLens.of(self).write(path)

    @classmethod
    def load(cls: type[Self], path: str | os.PathLike[str], vit: ViT | None = None) -> Self:
        """Read a lens that `save` wrote; no code in the file is run.

        Args:
            path: The file.
            vit: The model that the lens was made for, loaded again; it is needed.

        Raises:
            UsageError: No model, no such file or no lens in it, a lens of another model or of
                another class, or one whose class is not defined here.

        Example:
            >>> lens = vl.Lens.load("lens.safetensors", vit)  # of whichever class it is
        """
        vit = check_vit(vit, f"{cls.__name__}.load, after the file,")
        saved = SavedLens.read(path)
        known = {kind.__name__: kind for kind in _kinds(cls)}
        if saved.lens not in known:
            raise UsageError(
                f"{path} holds a {saved.lens}, which is no {cls.__name__} that is defined here; "
                "import or define its class first, or load it by vl.Lens.load."
            )
        return known[saved.lens](vit, **saved.arguments_for(vit))

    def _shared(self) -> Iterable[object]:
        """The model, whose traces the copy reads, too."""
        return all_of(self.vit)

    def _transformed(self, states: Tensor, first: int, final: Tensor) -> Tensor:
        transformed = self.transform(states, first, final)
        if transformed.shape != states.shape:
            raise UsageError(
                f"The transform of {type(self).__name__} made {list(transformed.shape)} of states "
                f"{list(states.shape)}; it must keep their shape, [state, image, token, d]."
            )
        return transformed.to(states)

    def _answered(self, trace: Trace) -> Trace:
        """The trace, answered by the lens's own model, of which it may be a twin's.

        Raises:
            UsageError: It is of another model, or no trace.
        """
        if not isinstance(trace, Trace):
            raise UsageError(
                f"A lens reads a trace, not {type(trace).__name__}; make one with "
                "vit.trace(images)."
            )
        own, its = self.vit, trace.vit
        if its is own:
            return trace
        if its.model is not own.model or its.image_size != own.image_size:
            raise UsageError(
                f"This {self.name} was made for {own.name} (id {id(own):x}), the trace is of "
                f"{its.name} (id {id(its):x}); trace and read with the same vl.load result."
            )
        return trace.answered_by(own)


def _kinds(of: type[Self]) -> Iterator[type[Self]]:
    """The class and those derived from it; of a name that was defined twice, the newest last."""
    yield of
    for kind in of.__subclasses__():
        yield from _kinds(kind)


def each_state(decode: Callable[[Tensor], Tensor], states: Tensor) -> Tensor:
    """`decode`, which takes `[image, ...]`, of several states `[state, image, ...]` at once."""
    return torch.unflatten(decode(states.flatten(0, 1)), 0, states.shape[:2])


def check_lens(lens: Any, what: str) -> Lens:
    """The lens, if it is one.

    Args:
        lens: What was given.
        what: Takes it, to begin the sentence.

    Raises:
        UsageError: It is something else.
    """
    such_as = "a lens, such as vl.LogitLens(vit) or vl.FrozenNormLens(vit)"
    return check_type(what, lens, Lens, such_as)


def check_classifier(vit: BaseViT) -> None:
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
