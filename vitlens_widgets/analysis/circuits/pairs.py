"""Pairs of runs that are compared: the same model, tokens and images, and what is asked of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.analysis.checks import check_differ, check_trace, logits_of
from vitlens_widgets.analysis.metrics import BoundMetric, bound_all
from vitlens_widgets.analysis.patching.gap import gap_of
from vitlens_widgets.errors import UsageError, counted
from vitlens_widgets.kinds import is_several
from vitlens_widgets.trace import Trace
from vitlens_widgets.trace.edits import DropTokens
from vitlens_widgets.trace.validate import apart

Runs = Trace | Sequence[Trace]
"""A trace of one or more images, or several traces that are taken one after the other."""


@dataclass(frozen=True)
class Pair:
    """Two traces of as many images, image by image a pair, and what is asked of them.

    Args:
        clean: The run whose values are put in.
        corrupted: The run that they are put into.
        metric: What is asked of an answer.
    """

    clean: Trace
    corrupted: Trace
    metric: BoundMetric

    def of(self, logits: Tensor) -> np.ndarray:
        """The metric of answers `[..., image, class]`: float64 `[..., image]`."""
        n_images = logits.shape[-2]
        image = torch.arange(n_images).repeat(logits[..., 0].numel() // n_images)
        found = self.metric(logits.detach().flatten(0, -2), image)
        return found.double().cpu().numpy().reshape(logits.shape[:-1])

    @property
    def of_clean(self) -> np.ndarray:
        """The metric of the clean run, float64 `[image]`."""
        return self.of(logits_of(self.clean))

    @property
    def of_corrupted(self) -> np.ndarray:
        """The metric of the corrupted run, float64 `[image]`."""
        return self.of(logits_of(self.corrupted))


def pairs(clean: Runs, corrupted: Runs, metric: Any) -> list[Pair]:
    """Clean and corrupted runs as pairs, checked.

    Args:
        clean: A trace, or several.
        corrupted: As many, each of as many images.
        metric: As `metrics.bound_all` takes it.

    Raises:
        UsageError: No traces, traces that do not match, that are the same, were edited inside of
            their blocks or hold a graph, or a metric that does not fit or gives no finite number.
    """
    firsts, seconds = _listed(clean), _listed(corrupted)
    if not firsts or len(firsts) != len(seconds):
        raise UsageError(
            "clean= and corrupted= take a trace each, or lists of as many, one at least, not of "
            f"{len(firsts)} and {len(seconds)}."
        )
    metrics = bound_all(metric, firsts)
    found = [Pair(*one) for one in zip(firsts, seconds, metrics, strict=True)]
    for pair in found:
        _check(pair, firsts[0])
    check_differ(firsts, seconds)
    for pair in found:
        gap_of(pair.of_clean, pair.of_corrupted, pair.metric.least_gap, pair.metric.name)
    return found


def gap_said(of_clean: np.ndarray, of_corrupted: np.ndarray, metric: BoundMetric) -> str:
    """The gap between the two runs in a sentence, and whether it can be divided by."""
    gap = gap_of(of_clean, of_corrupted, metric.least_gap, metric.name)
    small = "" if gap.mean_is_enough else ", too small to divide by: shares of it mean little"
    return (
        f"{metric.name}: {of_clean.mean():.3g} clean, {of_corrupted.mean():.3g} corrupted, a gap "
        f"of {gap.size.mean():+.3g}{small}"
    )


def _listed(given: Runs) -> list[Trace]:
    every = list(given) if is_several(given) else [given]
    return [check_trace(cast("Trace", one)) for one in every]


def _check(pair: Pair, first: Trace) -> None:
    a, b = pair.clean, pair.corrupted
    if not a.vit is b.vit is first.vit:
        other = next(one.vit for one in (a, b) if one.vit is not first.vit)
        raise UsageError(f"All runs are of one model; one is of {apart(other, first.vit)}")
    here, there = _shape(a), _shape(b)
    if here != there or a.layout != b.layout or not torch.equal(a.tokens, b.tokens):
        raise UsageError(
            f"The clean run has {here} and the corrupted one {there}; a pair is two runs of as "
            "many images at one size, with the same tokens."
        )
    for trace in (a, b):
        _check_plain(trace)


def _shape(trace: Trace) -> str:
    return f"{counted(trace.n_images, 'image')} of {counted(len(trace.tokens), 'token')}"


def _check_plain(trace: Trace) -> None:
    """Refuse a run with a graph, or with edits that are not in state 0."""
    if trace.has_graph:
        raise UsageError("A run with grad=True is not taken apart; trace it without.")
    for edit in trace.edits:
        if isinstance(edit, DropTokens) or (edit.site == "resid_pre" and edit.layer == 0):
            continue
        raise UsageError(
            f"{edit!r} changes what the blocks compute, so that this run is not what the model "
            "makes of its state 0; give runs that are edited at resid_pre of layer 0 alone."
        )
