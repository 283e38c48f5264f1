"""Some images of a run by themselves, without another forward pass."""

# pyright: reportPrivateUsage=false
# What belongs to a trace, put together by one who knows its parts.

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace

from vitlens_widgets.errors import UsageError
from vitlens_widgets.trace.edits import DropTokens
from vitlens_widgets.trace.repeats import Repeats
from vitlens_widgets.trace.sites import check_index
from vitlens_widgets.trace.trace import Trace
from vitlens_widgets.trace.variants import check_unedited


def single(trace: Trace, image: int) -> Trace:
    """One image of a run, as if it had been traced alone; it shares the run's memory.

    Args:
        trace: As `chosen`.
        image: Which of its images.

    Raises:
        UsageError: As `chosen`.
    """
    check_index("image", image, trace.n_images)
    return _taken(trace, slice(image, image + 1), 1)


def chosen(trace: Trace, images: Sequence[int]) -> Trace:
    """Some images of a run, in this order, as if they had been traced without the others.

    Edits of state 0 are not listed any more: they are in the state that its first block reads.

    Args:
        trace: A run without gradients, whose edits are all in its state 0.
        images: Which of its images, at least one.

    Raises:
        UsageError: There is no such image, or the run has gradients or other edits.
    """
    for image in images:
        check_index("image", image, trace.n_images)
    return _taken(trace, list(images), len(images))


def _taken(trace: Trace, which: slice | list[int], n_images: int) -> Trace:
    if trace.has_graph:
        raise UsageError("A run with gradients has no images by themselves: trace one alone.")
    check_unedited(trace)
    trace.check_weights("taken image by image")
    some = copy.copy(trace)
    some.states = trace.states[:, which]
    some.kept = {key: value[which] for key, value in trace.kept.items()}
    some.logits = None if trace.logits is None else trace.logits[which]
    some._context = replace(trace._context, n_images=n_images)
    some._edits = tuple(edit for edit in trace._edits if isinstance(edit, DropTokens))
    if trace.n_images > 1 and any(words.hold_tensors for words in trace._words.values()):
        some._words = {}  # masks of a batch would not fit: the adapter hands its own
    some._repeats, some.of_twins = Repeats(trace._repeats.hooks), {}
    some._outside = trace._outside.of_images(which)
    some._make_pictures = lambda: trace.pictures[which]
    return some
