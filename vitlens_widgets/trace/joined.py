"""Two runs of one model as one batch, without another forward pass."""

# pyright: reportPrivateUsage=false
# What belongs to a trace, put together by one who knows its parts.

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.errors import UsageError
from vitlens_widgets.trace.trace import Trace


def joined(first: Trace, second: Trace) -> Trace:
    """The images of the first run, then those of the second, as if traced together.

    Args:
        first: A run without edits and without gradients.
        second: Another one of the same model at the same size.

    Raises:
        UsageError: They are of other models, sizes or tokens, were edited, have gradients, or
            their blocks were handed what belongs to single images.
    """
    _check(first, second)
    for trace in (first, second):
        trace.check_weights("joined to another")
    both = copy.copy(first)
    both.states = torch.cat([first.states, second.states], 1)
    shared = first.kept.keys() & second.kept.keys()
    both.kept = {key: torch.cat([first.kept[key], second.kept[key]]) for key in shared}
    if first.logits is not None and second.logits is not None:
        both.logits = torch.cat([first.logits, second.logits])
    both.of_twins, both._repeats = {}, first._repeats.beside(second._repeats)
    both._outside = first._outside.beside(second._outside)
    both._context = replace(first._context, n_images=both.n_images)
    both._make_pictures = lambda: np.concatenate([first.pictures, second.pictures])
    return both


def _check(first: Trace, second: Trace) -> None:
    alike = first.vit.adapter is second.vit.adapter and first.layout == second.layout
    if not alike or not torch.equal(first.tokens, second.tokens):
        raise UsageError(
            f"Runs are joined that are of one model, size and sequence; these are of "
            f"{first.vit.name}, {first.layout}, and {second.vit.name}, {second.layout}."
        )
    if first.edits or second.edits or first.has_graph or second.has_graph:
        raise UsageError(
            "Runs with edits or gradients cannot be joined: trace their images together."
        )
    if any(
        _is_of_images(word, trace.n_images) for trace in (first, second) for word in _words(trace)
    ):
        raise UsageError(
            f"The blocks of {first.vit.name} are handed what belongs to single images, so that its "
            "runs cannot be joined: trace their images together."
        )


def _words(trace: Trace) -> Iterator[Any]:
    for words in trace._words.values():
        for word in (*words.args, *words.kwargs.values()):
            yield from word if isinstance(word, (tuple, list)) else (word,)


def _is_of_images(word: Any, n_images: int) -> bool:
    is_batch = isinstance(word, Tensor) and word.ndim > 0 and word.shape[0] == n_images
    return is_batch and n_images > 1
