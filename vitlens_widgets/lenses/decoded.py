"""All logits of a lens on a trace: kept where they are small, else decoded a piece at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor

from vitlens_widgets.lenses.lens import Lens
from vitlens_widgets.lenses.source import Source
from vitlens_widgets.progress import progress_bar

KEEP_BYTES = 128 * 2**20
"""Logits up to this size are kept (float32); larger ones are decoded again, a piece at a time."""

PIECE_BYTES = 4 * 2**20
"""Logits are decoded and measured about so many bytes at a time: what a processor's cache holds.
One state of one image is always decoded as a whole."""

Measure = Callable[[Tensor, Tensor], dict[str, Tensor]]
"""Takes logits and the final state's log-probabilities, both `[..., class]`; says things of them by
name, `[...]` or `[..., k]`."""


class Decoded:
    """Float32 logits `[state, image, token, class]`, or `[state, image, class]` of the readout.

    Args:
        lens: Decodes.
        source: What it decodes.
        at: Every token, or the model's own readout.
    """

    def __init__(self, lens: Lens, source: Source, at: Literal["tokens", "readout"]) -> None:
        self.name = lens.name
        self.n_classes = len(source.trace.vit.labels)
        tokens = (len(source.trace.tokens),) if at == "tokens" else ()
        self.shape = (len(source.names), source.trace.n_images, *tokens)
        self._trace = source.trace
        self._source = source
        self._lens_decode = lens.decode if at == "tokens" else lens.decode_readout

    @property
    def is_kept(self) -> bool:
        """Whether all logits are small enough to be kept."""
        return math.prod(self.shape) * self.n_classes * 4 <= KEEP_BYTES

    def of_state(self, k: int) -> Tensor:
        """The logits of one state, `[image, token, class]`, on the CPU."""
        pieces = [self._piece(slice(k, k + 1), images)[0] for images in self._image_slices()]
        return torch.cat(pieces).cpu()

    def measured(self, measure: Measure) -> dict[str, Tensor]:
        """What `measure` says of every piece, put together on the CPU: `[state, image, ...]`."""
        columns = []
        n_steps = self.shape[0] * self.shape[1]
        with progress_bar(n_steps, self.name) as bar:
            for images in self._image_slices():
                found = []
                for logits, log_final in self._from_the_last(images):
                    found.append(_in_chunks(measure, logits, log_final))
                    bar.update(logits.shape[0] * logits.shape[1])
                columns.append(_joined(found[::-1], 0))
        return {name: value.cpu() for name, value in _joined(columns, 1).items()}

    def _from_the_last(self, images: slice) -> Iterator[tuple[Tensor, Tensor]]:
        """Pieces from the last state down, so that the final one is decoded but once."""
        log_final = None
        for states in self._state_slices():
            logits = self._piece(states, images)
            if log_final is None:
                final = logits[-1] if self._source.is_states else self._final(images)
                log_final = final.log_softmax(-1)
            yield logits, log_final

    def _piece(self, states: slice, images: slice) -> Tensor:
        if self.is_kept:
            return self._kept[states, images]
        return self._decode(self._source.values(states), states.start, images)

    @cached_property
    def _kept(self) -> Tensor:
        """All logits, `[state, image, token, class]`, where the model is."""
        places = [(s, images) for images in self._image_slices() for s in self._state_slices()]
        pieces = (self._decode(self._source.values(s), s.start, images) for s, images in places)
        first = next(pieces)
        if len(places) == 1:
            return first
        whole = first.new_empty(*self.shape, self.n_classes)
        whole[places[0]] = first
        for place, piece in zip(places[1:], pieces, strict=True):
            whole[place] = piece
        return whole

    def _final(self, images: slice) -> Tensor:
        """What the final state answers, where sub-block outputs are read."""
        return self._decode(self._trace.states[-1:], self._trace.n_states - 1, images)[0]

    def _decode(self, values: Tensor, first: int, images: slice) -> Tensor:
        self._trace.check_weights("read")
        with torch.no_grad():
            final = self._trace.states[-1, images]
            return self._lens_decode(values[:, images], first, final).float()

    def _image_slices(self) -> list[slice]:
        step = max(1, PIECE_BYTES // self._bytes_of_one)
        return [slice(i, i + step) for i in range(0, self.shape[1], step)]

    def _state_slices(self) -> list[slice]:
        """From the last to the first."""
        images = self._image_slices()[0]
        step = max(1, PIECE_BYTES // (self._bytes_of_one * min(images.stop, self.shape[1])))
        return [slice(max(0, stop - step), stop) for stop in range(self.shape[0], 0, -step)]

    @property
    def _bytes_of_one(self) -> int:
        """Of the logits of one state of one image."""
        return max(1, math.prod(self.shape[2:]) * self.n_classes * 4)


def _in_chunks(measure: Measure, logits: Tensor, log_final: Tensor) -> dict[str, Tensor]:
    """`measure`, applied to some tokens at a time where the logits are large."""
    n_chunks = logits.nbytes // (2 * PIECE_BYTES) + 1
    axis = logits.ndim - 2
    chunks = zip(logits.chunk(n_chunks, axis), log_final.chunk(n_chunks, axis - 1), strict=True)
    return _joined([measure(part, final) for part, final in chunks], axis)


def _joined(parts: list[dict[str, Tensor]], axis: int) -> dict[str, Tensor]:
    return {name: torch.cat([part[name] for part in parts], axis) for name in parts[0]}
