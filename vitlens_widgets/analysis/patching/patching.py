"""`Patching`: the two runs, the metric and the engine, for sweeps and for widgets alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.analysis.checks import check_trace, logits_of
from vitlens_widgets.analysis.metrics import bound
from vitlens_widgets.analysis.patching.by_workers import answers_by
from vitlens_widgets.analysis.patching.exchange import Exchange, Places
from vitlens_widgets.analysis.patching.gap import gap_of
from vitlens_widgets.errors import UsageError, check_choice
from vitlens_widgets.trace import Trace

How = Literal["denoising", "noising"]
"""Clean values into the corrupted run, or the reverse."""


class Answered(NamedTuple):
    """The answer with one exchange made."""

    which: int
    """Which exchange."""
    logits: Tensor
    """The model's answer, `[image, class]`, in float32 or finer."""
    metric: np.ndarray
    """What the metric says of it, float64 `[image]`."""


class Patching:
    """Activation patching of a pair of runs, or of several pairs in one batch.

    Args:
        clean: The run with the answer that is asked about.
        corrupted: The run without it; image i is the other of a pair with image i.
        metric: What is asked: see `vl.analysis.metrics`.
        how: `"denoising"` puts clean values into the corrupted run, `"noising"` the reverse.
        least_gap: Answers whose metrics differ by less are taken for the same; None: .1 of logits,
            .01 of probabilities and nats, 1 rank, a thousandth of the larger answer of a function.

    Attributes:
        exchange: Puts values in.
        metric: The metric of these images, `BoundMetric`.
        gap: What it says of both runs, `Gap`.

    Raises:
        UsageError: As `Exchange`, `metrics.bound`, or a least gap that is no positive number.

    Example:
        >>> patching = Patching(clean, corrupted, ("cat", "dog"))
        >>> for which, logits, metric in patching.run([Place("z", 3, head=1)]):
        ...     print(patching.share(metric))
    """

    def __init__(
        self,
        clean: Trace,
        corrupted: Trace,
        metric: Any,
        how: How = "denoising",
        least_gap: float | None = None,
    ) -> None:
        self.how: How = check_choice("how", how, ("denoising", "noising"))
        self.metric = bound(metric, check_trace(clean))
        both = (corrupted, clean) if how == "denoising" else (clean, corrupted)
        self.exchange = Exchange(*both)
        found = [self._measured(logits_of(one).detach()) for one in (clean, corrupted)]
        least = self.metric.least_gap if least_gap is None else _positive(least_gap)
        self.gap = gap_of(found[0], found[1], least, self.metric.name)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.exchange.base.vit.name}, {self.how}, {self.gap.metric})"
        )

    def run(
        self,
        exchanges: Sequence[Places],
        order: Sequence[int] | None = None,
        executor: Any = None,
    ) -> Iterator[Answered]:
        """Make exchanges, each in a run of its own; see `Exchange.answers`.

        Args:
            exchanges: Places; a list in place of one is exchanged together.
            order: Which are made first; None for all in order.
            executor: Whose workers make them; None for this process.

        Yields:
            Each as it is done.
        """
        if executor is None:
            answers = self.exchange.answers(exchanges, order)
        else:
            answers = answers_by(executor, self.exchange, exchanges, order)
        for index, logits in answers:
            yield Answered(index, logits, self._measured(logits))

    def effect(self, metric: np.ndarray) -> np.ndarray:
        """The normalised effect `[image, ...]`; see `Gap.effect`."""
        return self.gap.effect(metric)

    def share(self, metric: np.ndarray) -> np.ndarray:
        """The share of the way from the changed run's answer to the other run's, `[image, ...]`.

        0: nothing happens; 1: the answer of the other run; below 0: away from it. In denoising that
        is the normalised effect, in noising 1 less it.
        """
        effect = self.gap.effect(metric)
        return effect if self.how == "denoising" else 1 - effect

    def _measured(self, logits: Tensor) -> np.ndarray:
        with_metric = self.metric(logits).detach().to("cpu", torch.float64).numpy()
        return np.asarray(with_metric)


def _positive(least_gap: Any) -> float:
    is_number = isinstance(least_gap, (int, float)) and not isinstance(least_gap, bool)
    if not is_number or not 0 < least_gap < float("inf"):
        raise UsageError(
            f"least_gap is a number above 0, in units of the metric, not {least_gap!r}."
        )
    return float(least_gap)
