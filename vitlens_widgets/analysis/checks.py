"""What every analysis is given, checked: a trace, which of its images, how many of something."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor

from vitlens_widgets.data import LabelSet
from vitlens_widgets.errors import UsageError, check_count
from vitlens_widgets.trace import Trace
from vitlens_widgets.trace.sites import check_index


def check_trace(trace: Trace) -> Trace:
    """The trace, if it is one.

    Raises:
        UsageError: It is something else.
    """
    if not isinstance(trace, Trace):
        raise UsageError(
            f"This is read from a trace, not {type(trace).__name__}; make one with "
            "vit.trace(images)."
        )
    return trace


def check_differ(clean: Sequence[Trace], corrupted: Sequence[Trace]) -> None:
    """Refuse pairs whose runs are the same: to exchange their values changes nothing.

    Raises:
        UsageError: They are, in every pair.
    """
    both = zip(clean, corrupted, strict=True)
    if all(torch.equal(one.states, other.states) for one, other in both):
        raise UsageError(
            "The clean run and the corrupted one are the same, so that there is nothing to "
            "exchange; give as corrupted= the run of another image, or of one with something "
            "changed."
        )


def check_compared(labels: LabelSet, target: Tensor, against: Tensor) -> None:
    """Refuse a class that is compared with itself.

    Args:
        labels: The names of the classes.
        target: Class of each image, int64 `[image]`.
        against: Likewise.

    Raises:
        UsageError: One is.
    """
    same = target[target == against]
    if len(same):
        raise UsageError(
            f'"{labels[int(same[0])]}" is compared with itself: give against= another class than '
            "the target's."
        )


def logits_of(trace: Trace) -> Tensor:
    """The model's answer, `[image, class]`; it has a classifier, as is checked before it runs."""
    return cast("Tensor", trace.logits)


def stopped_early(thing: str) -> KeyboardInterrupt:
    """The interrupt, in a sentence, of work that has nothing to give yet: not one such thing."""
    return KeyboardInterrupt(
        f"Stopped by you before the first {thing} was done, so that there is nothing to give yet."
    )


def check_top(k: int | None, n_classes: int) -> int:
    """How many of the classes, or memories, that stand first: 5 unless it is said, or all of fewer.

    Raises:
        UsageError: More than there are classes, or none.
    """
    return check_count("k", min(5, n_classes) if k is None else k, least=1, most=n_classes)


def chosen_images(trace: Trace, image: int | None) -> list[int]:
    """One image, or all of them for None.

    Raises:
        UsageError: It is no trace, or there is no such image.
    """
    check_trace(trace)
    if image is None:
        return list(range(trace.n_images))
    return [check_index("image", image, trace.n_images)]


def title(trace: Trace, images: list[int]) -> str:
    """Which model and which of the trace's images a result is of."""
    which = f"image {images[0]}" if len(images) == 1 else f"{len(images)} images"
    return f"{trace.vit.name}{' (edited)' if trace.edits else ''}, {which}"


def steps_of(steps: int | None, instead: str | None) -> int:
    """How many runs a mean gradient is taken over; 5 where that is not said.

    Args:
        steps: As it was given.
        instead: What would have to be asked for, where the gradient of one run was.

    Raises:
        UsageError: No such number, or steps for a gradient of one run.
    """
    if steps is not None and instead is not None:
        raise UsageError(
            f"steps={steps!r} would have no effect: this is the gradient of one run; leave steps "
            f"out, or add {instead} for the mean over several."
        )
    return 5 if steps is None else check_count("steps", steps, least=1)
