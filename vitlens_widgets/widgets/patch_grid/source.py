"""What PatchGrid shows of what it was given: a reading, a trace, or arrays of one's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from vitlens_widgets.errors import UsageError, quoted_list
from vitlens_widgets.widgets.shared.checks import has_all, is_trace, refusal
from vitlens_widgets.widgets.shared.prompting import asked, prompted
from vitlens_widgets.widgets.shared.seam import ReadingLike

if TYPE_CHECKING:
    from vitlens_widgets.lenses import Reading
    from vitlens_widgets.trace import Trace

R = TypeVar("R")

ARRAYS = (
    "logits", "probabilities", "labels", "grid", "prefix", "readout", "state_names", "name",
)  # fmt: skip
"""Keywords that go with arrays of one's own."""


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


def in_one_look(reading: Any, compute: Callable[[], R]) -> R:
    """What is computed of a reading, whose model's weights are looked at but once for it."""
    if not has_all(reading, ("trace",)):
        return compute()
    from vitlens_widgets.trace.steady import in_a_row

    return in_a_row(reading.trace, "read", compute, after=False)


def _of_trace(trace: Trace, prompts: Sequence[str] | None) -> Reading:
    """What the logit lens reads; where texts are to be its classes, by the first of them."""
    from vitlens_widgets.lenses import LogitLens

    vit: Any = trace.vit
    return LogitLens(vit if vit.adapter.has_classifier else asked(vit, prompts)).read(trace)


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
