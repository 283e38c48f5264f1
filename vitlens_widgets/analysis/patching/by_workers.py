"""Exchanges by workers: each runs both runs again from their states 0, and puts its values in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from functools import cached_property
from typing import Any, cast

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from vitlens_widgets.analysis.checks import logits_of
from vitlens_widgets.analysis.patching.exchange import Exchange, Places
from vitlens_widgets.data import Example, LabelSet
from vitlens_widgets.data.examples import UNKNOWN
from vitlens_widgets.errors import UsageError
from vitlens_widgets.models.preprocessing import Preprocessing
from vitlens_widgets.models.vit import BaseViT
from vitlens_widgets.trace import Trace, ViT
from vitlens_widgets.trace.edits import DropTokens, Replace
from vitlens_widgets.trace.example_batches import ExampleBatch
from vitlens_widgets.workers.order import BatchJob, Part
from vitlens_widgets.workers.parts import parts_of

_CLOSE = 1e-3
"""Of the largest answer; other processors add up in another order."""
_SIZE = (8, 8)
"""Of a blank picture."""


def answers_by(
    executor: Any,
    exchange: Exchange,
    exchanges: Sequence[Places],
    order: Sequence[int] | None = None,
) -> Iterator[tuple[int, Tensor]]:
    """As `Exchange.answers`, by workers.

    Places are run together as they would be here, so that the answers are the same.

    Raises:
        UsageError: As `Exchange.answers` and `Shards`.
    """
    exchange.check(exchanges)
    waiting = range(len(exchanges)) if order is None else order
    step = exchange.step
    groups = [list(waiting[first : first + step]) for first in range(0, len(waiting), step)]
    sent = _Exchanging(exchange, [[exchanges[i] for i in group] for group in groups])
    data: Any = _Groups(len(groups))
    job = BatchJob(sent.answers, False, _blind(exchange.base.vit), data, any_class=True)
    device, span, late = exchange.base.states.device, (0, len(groups)), list[Part]()

    def answered(part: Part) -> Iterator[tuple[int, Tensor]]:
        found = torch.from_numpy(part.tallies["logits"]).to(device)
        return zip(groups[part.start], found, strict=True)

    try:
        with parts_of(job, executor, span, 1, lambda _: None, keep=late.extend) as parts:
            for part in parts:
                yield from answered(part)
    except KeyboardInterrupt:
        for part in late:  # behind a group that is not done
            yield from answered(part)
        raise


def _blind(vit: BaseViT) -> ViT:
    """The model, whose batches are of blank pictures, however many channels it reads."""
    blind = cast("ViT", copy(vit))
    blind.preprocessing = Preprocessing(_SIZE, (0.0,) * 3, (1.0,) * 3, _as_it_is)
    return blind


def _as_it_is(image: Image.Image) -> Image.Image:
    return image


class _Groups:
    """Groups of places by their number, as a data set; of a blank image, at which nobody looks."""

    has_masks, identity_says_all = False, True
    labels = LabelSet.of(["none"])

    def __init__(self, count: int) -> None:
        self.count, self.identity = count, {"groups of places": count}

    def __getitem__(self, number: int) -> Example:
        return Example(np.zeros((*_SIZE, 3), np.uint8), UNKNOWN, name=f"group {number} of places")


class _Exchanging:
    """What workers are sent."""

    def __init__(self, exchange: Exchange, groups: Sequence[Sequence[Places]]) -> None:
        self._vit, self._groups = cast("ViT", exchange.base.vit), groups
        self._runs = [_SentRun(one) for one in (exchange.base, exchange.source)]

    @cached_property
    def _exchange(self) -> Exchange:
        """Made once in each worker, and nowhere else."""
        return Exchange(*(run.again(self._vit) for run in self._runs))

    def answers(self, _tallies: Mapping[str, Any], batch: ExampleBatch) -> dict[str, np.ndarray]:
        """Of one group of places, `[place, image, class]`."""
        found = dict(self._exchange.answers(self._groups[batch.numbers[0]]))
        return {"logits": torch.stack([found[i] for i in range(len(found))]).cpu().numpy()}


class _SentRun:
    """A run by its state 0, of which all the rest is made."""

    def __init__(self, trace: Trace) -> None:
        self._state = trace.states[0].detach().cpu()
        self._logits = logits_of(trace).detach().float().cpu()
        self._dropped = [edit for edit in trace.edits if isinstance(edit, DropTokens)]
        self._size = trace.pictures.shape[1:3]

    def again(self, vit: ViT) -> Trace:
        """The run, made again.

        Raises:
            UsageError: The model makes something else of this state.
        """
        shape = (len(self._logits), vit.adapter.n_channels, *self._size)
        blank = torch.zeros(shape, device=vit.device, dtype=vit.dtype)
        edits = [*self._dropped, Replace("resid_pre", 0, self._state.to(vit.device))]
        trace = vit.trace(blank, preprocessed=True, edits=edits)
        off = (logits_of(trace).float().cpu() - self._logits).abs().max()
        if off > _CLOSE * self._logits.abs().max():
            raise UsageError(
                f"{vit.name} makes of the same state 0 another answer in a worker than here; leave "
                "executor= out."
            )
        return trace
