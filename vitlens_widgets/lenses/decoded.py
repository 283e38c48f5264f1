"""All logits of a lens on a trace: kept where they are small, else decoded a piece at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, Protocol

import torch
from torch import Tensor

from vitlens_widgets.errors import UsageError
from vitlens_widgets.lenses import statistics
from vitlens_widgets.lenses.kept_features import KeptFeatures
from vitlens_widgets.lenses.source import Source
from vitlens_widgets.lenses.statistics import Final
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.progress import progress_bar
from vitlens_widgets.trace import ViT

KEEP_BYTES = 128 * 2**20
"""Logits up to this size are kept (float32), of larger ones those of the last states; the rest is
decoded again, a piece at a time."""

PIECE_BYTES = 2**20
"""Logits are decoded about so many bytes at a time: of a thousand classes one state, so that one
can be asked for alone. One state of one image is always decoded as a whole."""

CHUNK_BYTES = 2**20
"""Decoded logits are measured about so many bytes at a time on a CPU: each step of a measure works
on what a core's own cache still holds, in memory that need not be asked of the system again."""

Measure = Callable[[Tensor, Final | None], dict[str, Tensor]]
"""Takes logits `[row, class]` and what the final state answers at the same tokens; says things of
them by name, `[row]` or `[row, k]`."""

Known = dict[tuple[int, int], dict[str, Tensor]]
"""What was measured of pieces, by their first state and image."""


class LogitDecoder(Protocol):
    """What is asked of a lens here; see `Lens`."""

    name: str
    vit: ViT

    @property
    def sees_states_alone(self) -> bool:
        """Whether what it makes of a state depends on nothing else."""
        ...

    def answered_by(self, vit: ViT) -> LogitDecoder:
        """The same, answered by a twin of its model."""
        ...

    def decode(self, states: Tensor, first: int, final: Tensor) -> Tensor:
        """Logits of every token."""
        ...

    def decode_readout(self, states: Tensor, first: int, final: Tensor) -> Tensor:
        """Logits of the readout."""
        ...


class Decoded:
    """Float32 logits `[state, image, token, class]`, or `[state, image, class]` of the readout.

    Args:
        lens: Decodes.
        source: What it decodes.
        at: Every token, or the model's own readout.
    """

    def __init__(
        self, lens: LogitDecoder, source: Source, at: Literal["tokens", "readout"]
    ) -> None:
        self.name = lens.name
        self.n_classes = len(source.trace.vit.labels)
        tokens = (len(source.trace.tokens),) if at == "tokens" else ()
        self.shape = (len(source.names), source.trace.n_images, *tokens)
        self._trace = source.trace
        self._source = source
        self._lens_decode = lens.decode if at == "tokens" else lens.decode_readout
        is_plain = source.is_states and vars(type(lens)).get("plain", False)
        self._features = KeptFeatures.of(source.trace, at) if is_plain else None
        self._kept: dict[tuple[int, int], Tensor] = {}  # pieces, by their first state and image
        self._n_bytes = 0  # of these
        self.n_same = 0  # states at the start that are those of another run
        self._latest_final: tuple[slice, Tensor] | None = None  # of sub-blocks, asked for again

    def adopt(self, before: Decoded, n_same: int) -> None:
        """Takes the logits of the first states, where they are kept, from a run that shares them.

        Args:
            before: The logits of the same lens there.
            n_same: How many states are the same.
        """
        if not self.is_kept or self._kept:
            return
        self.n_same = n_same
        parts = [part for part in before._state_slices()[::-1] if part.start < n_same]
        for images in self._image_slices():
            every = torch.cat([before._piece(part, images) for part in parts])[:n_same]
            for states in self._state_slices():
                if states.stop <= n_same:
                    self._kept[states.start, images.start] = every[states]
                    self._n_bytes += every[states].nbytes

    @property
    def is_kept(self) -> bool:
        """Whether all logits are small enough to be kept."""
        return math.prod(self.shape) * self.n_classes * 4 <= KEEP_BYTES

    def of_state(self, k: int) -> Tensor:
        """The logits of one state, `[image, token, class]`, on the CPU."""
        return torch.cat([self._one_state(k, images) for images in self._image_slices()]).cpu()

    def measured(
        self,
        measure: Measure,
        *,
        beside_final: bool = True,
        same: bool | None = None,
        known: Known | None = None,
    ) -> dict[str, Tensor]:
        """What `measure` says of every piece, put together on the CPU: `[state, image, ...]`.

        Args:
            measure: Is given pieces, from the last state down.
            beside_final: Whether it looks at what the final state answers; else it is given none.
            same: Of the states that are another run's alone, or of the others; None for all.
            known: What it has said of some, which it is not given again.
        """
        known = {} if known is None else known
        chosen = [
            states
            for states in self._state_slices()
            if same is None or same == (states.stop <= self.n_same)
        ]
        every = [
            (states.start, images.start) for images in self._image_slices() for states in chosen
        ]
        if any(place not in self._kept and place not in known for place in every):
            self._trace.check_weights("read")
        columns: list[dict[str, Tensor]] = []
        n_steps = self.shape[0] * self.shape[1]
        with progress_bar(n_steps, self.name) as bar:
            for images in self._image_slices():
                found: list[dict[str, Tensor]] = []
                for piece in self._measured(measure, chosen, images, beside_final, known):
                    found.append(piece)
                    of_one = next(iter(piece.values()))
                    bar.update(of_one.shape[0] * of_one.shape[1])
                columns.append(_joined(found[::-1], 0))
        return {name: value.cpu() for name, value in _joined(columns, 1).items()}

    def measured_at(
        self, measure: Measure, state: int, image: int, known: Known, *, beside_final: bool = True
    ) -> dict[str, Tensor]:
        """What `measure` says of one state of one image, `[token, ...]`; only its piece is decoded.

        The weights are not looked at.

        Args:
            measure: As for `measured`.
            state: Which state.
            image: Which image.
            known: What it has said of pieces, to which this is added.
            beside_final: As for `measured`.
        """
        states = next(one for one in self._state_slices() if one.start <= state < one.stop)
        images = next(one for one in self._image_slices() if one.start <= image < one.stop)
        (found,) = self._measured(measure, [states], images, beside_final, known)
        place = (state - states.start, image - images.start)
        return {name: value[place].cpu() for name, value in found.items()}

    def _measured(
        self,
        measure: Measure,
        states: Sequence[slice],
        images: slice,
        beside_final: bool,
        known: Known,
    ) -> Iterator[dict[str, Tensor]]:
        """Of pieces from the last state down, so that the final one is decoded but once."""
        final = None
        for some in states:
            place = (some.start, images.start)
            if place not in known:
                logits = self._piece(some, images)
                if final is None and beside_final:
                    is_last = self._source.is_states and some.stop == self.shape[0]
                    final = self._answer(logits[-1] if is_last else self._final(images))
                known[place] = _in_chunks(measure, logits, final)
            yield known[place]

    def _answer(self, last: Tensor) -> Final:
        """What the final state's logits `[image, token, class]` answer."""
        return statistics.final(last.flatten(0, -2), self._trace.vit.probabilities)

    def _one_state(self, k: int, images: slice) -> Tensor:
        states = next(part for part in self._state_slices() if part.start <= k < part.stop)
        if (states.start, images.start) in self._kept:
            return self._piece(states, images)[k - states.start]
        self._trace.check_weights("read")
        if self.is_kept:
            return self._piece(states, images)[k - states.start]
        return self._decode(self._source.values(slice(k, k + 1)), k, images)[0]

    def _piece(self, states: slice, images: slice) -> Tensor:
        place = (states.start, images.start)
        if place in self._kept:
            return self._kept[place]
        piece = self._decode(self._source.values(states), states.start, images)
        if self._n_bytes + piece.nbytes <= KEEP_BYTES:
            self._kept[place] = piece
            self._n_bytes += piece.nbytes
        return piece

    def _final(self, images: slice) -> Tensor:
        """What the final state answers, where sub-block outputs are read, or other states."""
        if self._source.is_states:
            return self._piece(self._state_slices()[0], images)[-1]
        if self._latest_final is None or self._latest_final[0] != images:
            last = self._trace.states[-1:]
            self._latest_final = images, self._decode(last, self._trace.n_states - 1, images)[0]
        return self._latest_final[1]

    @clean
    def _decode(self, values: Tensor, first: int, images: slice) -> Tensor:
        with torch.no_grad():
            if self._features is not None:
                logits = self._features.logits(first, len(values), images).float()
            else:
                final = self._trace.states[-1, images]
                logits = self._lens_decode(values[:, images], first, final).float()
        if logits.aminmax().min.isnan():  # the least of all, where there is one
            raise UsageError(
                f"The {self.name} makes NaN of {self._source.names[first]}; what it is made of "
                "must be finite numbers."
            )
        return logits

    def _image_slices(self) -> list[slice]:
        step = max(1, PIECE_BYTES // self._bytes_of_one)
        return [slice(i, i + step) for i in range(0, self.shape[1], step)]

    def _state_slices(self) -> list[slice]:
        """From the last to the first."""
        images = self._image_slices()[0]
        step = max(1, PIECE_BYTES // (self._bytes_of_one * min(images.stop, self.shape[1])))
        parts = [(self.n_same, self.shape[0]), (0, self.n_same)]  # no piece is of both runs
        return [
            slice(max(low, stop - step), stop)
            for low, high in parts
            for stop in range(high, low, -step)
        ]

    @property
    def _bytes_of_one(self) -> int:
        """Of the logits of one state of one image."""
        return max(1, math.prod(self.shape[2:]) * self.n_classes * 4)


def _in_chunks(measure: Measure, logits: Tensor, final: Final | None) -> dict[str, Tensor]:
    """`measure`, applied to some tokens of one state at a time."""
    on_cpu = logits.device.type == "cpu"
    n_rows = (CHUNK_BYTES if on_cpu else PIECE_BYTES) // (4 * logits.shape[-1]) + 1
    chunks = [torch.split(state.flatten(0, -2), n_rows) for state in logits]
    finals = [None] * len(chunks[0])
    if final is not None:
        finals = list(map(Final, *(torch.split(part, n_rows) for part in final)))
    found = [measure(*pair) for state in chunks for pair in zip(state, finals, strict=True)]
    of_tokens = logits.shape[:-1]
    return {name: v.reshape(*of_tokens, *v.shape[1:]) for name, v in _joined(found, 0).items()}


def _joined(parts: list[dict[str, Tensor]], axis: int) -> dict[str, Tensor]:
    return {name: torch.cat([part[name] for part in parts], axis) for name in parts[0]}
