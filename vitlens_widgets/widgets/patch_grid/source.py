"""What PatchGrid shows of what it was given: a reading, a trace, or arrays of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from vitlens_widgets.errors import UsageError, quoted_list
from vitlens_widgets.widgets.shared.checks import has_all, is_trace, refusal
from vitlens_widgets.widgets.shared.seam import ReadingLike

if TYPE_CHECKING:
    from vitlens_widgets.lenses import Reading
    from vitlens_widgets.trace import Trace, ViT

ARRAYS = (
    "logits", "probabilities", "labels", "grid", "prefix", "readout", "state_names", "name",
)  # fmt: skip
"""Keywords that go with arrays of one's own."""

FIRST_PROMPTS = ("a thing", "background")
"""What a model of images and texts is asked until others are given."""


def has_no_answers(given: Any) -> bool:
    """Whether it is a trace of a model that classifies neither by itself nor by prompts."""
    if not is_trace(given):
        return False
    return not given.vit.adapter.has_classifier and not given.vit.reads_texts


def reading_of(
    given: Any, image: Any, arrays: dict[str, Any], prompts: Sequence[str] | None
) -> ReadingLike:
    """The reading to show.

    Args:
        given: A reading, or a trace, which the logit lens reads.
        image: With arrays, their picture.
        arrays: Those of one's own, by the names of `ARRAYS`.
        prompts: What a model of images and texts is asked; None for what it is asked already.

    Raises:
        UsageError: It cannot be shown, or the model reads no texts.
    """
    if arrays:
        given = _of_arrays(given, image, arrays)
    elif is_trace(given):
        given = _of_trace(given, prompts)
    reading = _checked(given)
    return reading if prompts is None else prompted(reading, prompts)


def prompts_of(reading: Any) -> list[str] | None:
    """The prompts that it answers; None where it does not answer prompts."""
    if not has_all(reading, ("trace", "answered_by")):
        return None
    return list(reading.trace.vit.prompts) or None


def prompted(reading: Any, prompts: Sequence[str]) -> Reading:
    """The same reading answered by other prompts, without a new forward pass.

    A prompt that is known keeps its texts: several may stand for one class.

    Raises:
        UsageError: The model reads no texts, or a prompt is too long for it.
    """
    if prompts_of(reading) is None:
        raise UsageError(
            f"{reading.model_name} does not classify by prompts, so that none can be given: they "
            "need a CLIP or SigLIP with its text tower."
        )
    vit: ViT = reading.trace.vit
    return reading.answered_by(
        vit.prompted({name: vit.prompts.get(name, [name]) for name in prompts})
    )


def _of_trace(trace: Trace, prompts: Sequence[str] | None) -> Reading:
    """What the logit lens reads; where texts are to be its classes, by the first of them."""
    from vitlens_widgets.lenses import LogitLens

    vit: Any = trace.vit
    if not vit.adapter.has_classifier and vit.reads_texts:
        vit = vit.prompted(prompts or FIRST_PROMPTS)
    return LogitLens(vit).read(trace)


def _of_arrays(reading: Any, image: Any, arrays: dict[str, Any]) -> ReadingLike:
    """A reading of arrays, their picture given as `image`."""
    from vitlens_widgets.lenses import GivenReading

    if reading is not None:
        raise UsageError(
            f"A reading was given, and {quoted_list(arrays)} beside it: these go with arrays of "
            "your own, instead of a reading."
        )
    no_picture = isinstance(image, int)
    return GivenReading(**arrays, image=None if no_picture else image)


def _checked(reading: Any) -> ReadingLike:
    if not has_all(reading, ("top", "readout", "layout", "labels")):
        raise refusal(
            "PatchGrid shows a reading, such as vl.LogitLens(vit).read(trace), a trace, or arrays "
            "of your own, as in vl.PatchGrid(logits=logits)",
            reading,
        )
    if reading.readout is reading:
        raise UsageError(
            "PatchGrid shows a reading of all tokens, not of the readout alone: give reading, not "
            "reading.readout."
        )
    if len(reading.tokens) != reading.layout.n_tokens:
        raise UsageError(
            f"PatchGrid needs an answer for every patch; this reading is of a trace in which "
            f"{reading.layout.n_tokens - len(reading.tokens)} tokens were dropped. Knock out the "
            "attention to them instead, or read the numbers with reading.table()."
        )
    return reading
