"""One image of a run by itself, without another forward pass."""

# pyright: reportPrivateUsage=false
# What belongs to a trace, put together by one who knows its parts.

from __future__ import annotations

import copy
from dataclasses import replace

from vitlens_widgets.errors import UsageError
from vitlens_widgets.trace.edits import DropTokens
from vitlens_widgets.trace.repeats import Repeats
from vitlens_widgets.trace.sites import check_index
from vitlens_widgets.trace.trace import Trace
from vitlens_widgets.trace.variants import check_unedited


def single(trace: Trace, image: int) -> Trace:
    """One image of a run, as if it had been traced alone.

    Edits of state 0 are not listed any more: they are in the state that its first block reads.

    Args:
        trace: A run without gradients, whose edits are all in its state 0.
        image: Which of its images.

    Raises:
        UsageError: There is no such image, or the run has gradients or other edits.
    """
    check_index("image", image, trace.n_images)
    if trace.has_graph:
        raise UsageError("A run with gradients has no images by themselves: trace one alone.")
    check_unedited(trace)
    trace.check_weights("taken image by image")
    one, chosen = copy.copy(trace), slice(image, image + 1)
    one.states = trace.states[:, chosen]
    one.kept = {key: value[chosen] for key, value in trace.kept.items()}
    one.logits = None if trace.logits is None else trace.logits[chosen]
    one._context = replace(trace._context, n_images=1)
    one._edits = tuple(edit for edit in trace._edits if isinstance(edit, DropTokens))
    if trace.n_images > 1 and any(words.hold_tensors for words in trace._words.values()):
        one._words = {}  # masks of a batch would not fit: the adapter hands its own
    one._repeats, one.of_twins = Repeats(trace._repeats.hooks), {}
    one._make_pictures = lambda: trace.pictures[chosen]
    return one
