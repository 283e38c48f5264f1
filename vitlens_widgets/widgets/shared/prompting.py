"""Texts as classes: what a model of images and texts is asked, and widgets in which it is typed."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from vitlens_widgets.errors import UsageError
from vitlens_widgets.widgets.shared.base import LensWidget
from vitlens_widgets.widgets.shared.checks import has_all

if TYPE_CHECKING:
    from vitlens_widgets.lenses import Reading
    from vitlens_widgets.trace import ViT

FIRST_PROMPTS = ("a thing", "background")
"""What a model of images and texts is asked until others are given."""

LAST = "what is shown is what was there before"


def asked(vit: ViT, prompts: Sequence[str] | None) -> ViT:
    """The model as it is to answer: by these prompts, or as it does already.

    A prompt that is known keeps its texts: several may stand for one class. Where texts are to be
    its classes and none were given, it is asked the first of them.

    Args:
        vit: The model.
        prompts: What it is asked; None for what it is asked already.

    Raises:
        UsageError: The model does not classify by prompts, or one is too long for it.
    """
    if not vit.adapter.has_classifier and vit.reads_texts:
        return vit.prompted(prompts or FIRST_PROMPTS)
    if prompts is None:
        return vit
    if not vit.prompts:
        raise no_prompts(vit.name)
    return vit.prompted({name: vit.prompts.get(name, [name]) for name in prompts})


def prompts_of(reading: Any) -> list[str] | None:
    """The prompts that it answers; None where it does not answer prompts."""
    if not has_all(reading, ("trace", "answered_by")):
        return None
    return list(reading.trace.vit.prompts) or None


def prompted(reading: Any, prompts: Sequence[str]) -> Reading:
    """The same reading answered by other prompts, without a new forward pass.

    Raises:
        UsageError: As `asked`.
    """
    if prompts_of(reading) is None:
        raise no_prompts(reading.model_name)
    return reading.answered_by(asked(reading.trace.vit, prompts))


def no_prompts(model: str) -> UsageError:
    """For a model that cannot be asked by texts."""
    return UsageError(
        f"{model} does not classify by prompts, so that none can be given: they need a CLIP or "
        "SigLIP with its text tower."
    )


class AsksPrompts(LensWidget):
    """A widget of a model that may classify by prompts: other ones are answered at once.

    The widget has the choice `prompts`, whose trait asks `_reads_prompts`, tells its page of them
    in `_meta`, and observes it by `_on_prompts`.
    """

    prompts: Any
    _meta: Any
    _reads_prompts = False

    @abstractmethod
    def _ask(self, prompts: tuple[str, ...]) -> None:
        """Answers by them; everything is computed before anything is set."""

    def _on_prompts(self, _change: Any) -> None:
        answered = self._meta["prompts"]
        if list(self.prompts) == (answered or []):
            return
        try:
            self._ask(self.prompts)
        except BaseException as error:
            self.prompts = answered
            self._fail(error, "These prompts could not be answered", LAST)
