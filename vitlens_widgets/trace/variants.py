"""Many variants of a trace's run, each with other values at places of its own, in one batch.

What is put in at a block changes nothing before it. So a variant joins the batch at its first
block, from the state that the trace kept there; where something is put in after a block's
attention, all variants of an image share that block's run up to there; and of the last block only
the tokens that are read are computed. Each of these ways is proved before it is gone: a row without
anything put in must come out as the trace's own next state, else the whole block is run.
"""

# pyright: reportPrivateUsage=false
# This would be a method of a trace, but that few who read it need it.
from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from vitlens_widgets.errors import UnsupportedModelError, UsageError
from vitlens_widgets.models.cleanup import clean
from vitlens_widgets.trace.base import BaseTrace
from vitlens_widgets.trace.edits import DropTokens, PlacedEdit
from vitlens_widgets.trace.modules import uncompiled
from vitlens_widgets.trace.rounding import tolerance_of
from vitlens_widgets.trace.rows_block import LATE_SITES, Put, RowPuts, RowsBlock
from vitlens_widgets.trace.stream import Words

_FEW = 6  # variants that share a block's beginning; fewer are not worth a batch of their own
_MEMORY = 2**29  # bytes that a batch may take for a while on a processor
_MOST_TOKENS = (
    2048  # of a batch there: more gain no speed, and keep one waiting for the first answer
)
_STRUCTURAL = (RuntimeError, ValueError, IndexError, AssertionError)
"""What a block raises that cannot go on with rows or tokens of another number."""


class Variant(NamedTuple):
    """One run of one image with values put in."""

    image: int
    puts: tuple[Put, ...]

    @property
    def first(self) -> int:
        """The first block that is another than in the trace; L if it is the last state."""
        return min(put.layer for put in self.puts)

    def joins_late(self) -> bool:
        """Whether its first block is that of the trace up to the end of its attention."""
        first = self.first
        return all(put.site in LATE_SITES for put in self.puts if put.layer == first)


def check_unedited(trace: BaseTrace) -> None:
    """Refuse a run with edits that are not all in its state 0.

    Raises:
        UsageError: It has others than dropped tokens and changes of `resid_pre` of block 0.
    """
    for edit in trace._edits:
        first = isinstance(edit, PlacedEdit) and edit.edit.site == "resid_pre"
        if not isinstance(edit, DropTokens) and not (first and edit.layers == (0,)):
            raise UsageError(
                "Other values are put into runs without edits, or with such as are made before the "
                f"first block; this one has {edit.edit!r}."
            )


class Variants:
    """Runs variants of a trace.

    Args:
        trace: The trace. Its edits may only be such that are in its state 0: dropped tokens,
            changes of `resid_pre` of block 0.
        read: What is asked of the last state, `[row, token, d] -> [row, number]`; None for the
            model's logits, which needs a classifier.

    Raises:
        UsageError: It has other edits.
    """

    def __init__(self, trace: BaseTrace, read: Callable[[Tensor], Tensor] | None = None) -> None:
        check_unedited(trace)
        self._trace, self._vit = trace, trace.vit
        self._answer = trace.vit.adapter.readout_logits if read is None else read
        self._states = trace.states.detach()
        self._proved: set[tuple[object, ...]] = set()
        self._shared: dict[int, bool] = {}  # by layer, whether it can be
        self._read_tokens: Tensor | None = None
        self._knows_read = False

    @property
    def at_once(self) -> int:
        """How many variants run together."""
        _, _, n_tokens, width = self._states.shape
        bytes_of_one = n_tokens * (16 * width + 2 * self._vit.n_heads * n_tokens)
        bytes_of_one *= self._states.element_size()
        if self._states.device.type == "cuda":
            free, _ = torch.cuda.mem_get_info(self._states.device)
            return max(1, free // 4 // bytes_of_one)
        return max(1, min(_MEMORY // bytes_of_one, _MOST_TOKENS // n_tokens))

    def answers(self, variants: Sequence[Variant]) -> Tensor:
        """The model's answers to some variants, `[variant, number]`, in float32 or finer.

        Raises:
            UsageError: The model has changed since the trace, or a place that cannot be written.
            UnsupportedModelError: What ran is not what was traced.
        """
        try:
            return self._answers(variants)
        except torch.OutOfMemoryError:
            if len(variants) == 1:
                raise
        half = len(variants) // 2  # out of the except clause, which holds what did not fit
        return torch.cat([self.answers(variants[:half]), self.answers(variants[half:])])

    @clean
    @torch.no_grad()
    def _answers(self, variants: Sequence[Variant]) -> Tensor:
        n_layers = self._vit.n_layers
        first = min(variant.first for variant in variants)
        self._trace.check_weights("run with other values")
        self._trace._check_repeats(*range(first, n_layers))
        rows: list[int] = []
        state = self._states.new_empty(0, *self._states.shape[2:])
        with uncompiled(self._vit.model):
            for layer in range(first, n_layers):
                rows, state = self._through(layer, variants, rows, state)
        rows, state = self._joined(n_layers, variants, rows, state)
        self._put_into(state, variants, rows, n_layers)
        answers = self._answer(state)
        found = torch.empty_like(answers)
        found[rows] = answers
        return found.to(torch.promote_types(found.dtype, torch.float32))

    def _joined(
        self, layer: int, variants: Sequence[Variant], rows: list[int], state: Tensor
    ) -> tuple[list[int], Tensor]:
        """The rows under way and those that begin here, each with its state."""
        new = [i for i, variant in enumerate(variants) if variant.first == layer]
        fresh = self._states[layer, [variants[i].image for i in new]]
        return rows + new, torch.cat([state, fresh])

    def _put_into(
        self, state: Tensor, variants: Sequence[Variant], rows: Sequence[int], k: int
    ) -> None:
        """Put into state k what is put there, in place."""
        for row, put in _puts_at(variants, rows, k):
            if put.site == "resid_pre":
                put.write(state, row)

    def _through(
        self, layer: int, variants: Sequence[Variant], rows: list[int], state: Tensor
    ) -> tuple[list[int], Tensor]:
        """One block: of all rows under way, and of those that begin in it."""
        late: dict[int, list[int]] = defaultdict(list)
        for i, variant in enumerate(variants):
            if variant.first == layer and variant.joins_late() and self._shared.get(layer, True):
                late[variant.image].append(i)
        done: list[tuple[list[int], Tensor]] = []
        for image, some in late.items():
            out = self._share(layer, image, variants, some) if len(some) >= _FEW else None
            done += [] if out is None else [(some, out)]
        apart = {i for some, _ in done for i in some}
        rows, state = self._joined(layer, variants, rows, state)
        left = [at for at, i in enumerate(rows) if i not in apart]
        if left:
            rows, state = [rows[at] for at in left], state[left]
            self._put_into(state, variants, rows, layer)
            done.append((rows, self._whole(layer, state, variants, rows)))
        return [i for some, _ in done for i in some], torch.cat([out for _, out in done])

    def _share(
        self, layer: int, image: int, variants: Sequence[Variant], rows: list[int]
    ) -> Tensor | None:
        """Variants that share a block up to where something is put in; None if they cannot."""
        key = ("shared", layer, image)
        proof = key not in self._proved
        n_rows, read = len(rows) + proof, self._read(layer)
        block = RowsBlock(self._vit, layer, n_rows, _puts_at(variants, rows, layer), read)
        try:
            out = block.run(self._states[layer, image : image + 1], self._words([image]))
        except _STRUCTURAL as error:
            if _is_no_answer(error):
                raise
            self._shared[layer] = False
            return None
        if proof and not self._is_next(layer, out[-1:], [image], read):
            self._shared[layer] = False
            return None
        self._proved.add(key)
        return out[: len(rows)]

    def _whole(
        self, layer: int, state: Tensor, variants: Sequence[Variant], rows: list[int]
    ) -> Tensor:
        """Rows of any images through all of a block.

        Raises:
            UnsupportedModelError: The block does something else with a batch than with the trace's.
        """
        images = sorted({variants[i].image for i in rows})
        unproved = [image for image in images if ("whole", layer, image) not in self._proved]
        batch = torch.cat([state, self._states[layer, unproved]])
        read = self._read(layer)
        block = RowsBlock(self._vit, layer, len(batch), _puts_at(variants, rows, layer), read)
        out = block.run(batch, self._words(images))
        if unproved and not self._is_next(layer, out[len(rows) :], unproved, read):
            raise UnsupportedModelError(
                f"{self._vit.name} cannot be run with other values in a batch: block {layer} leads "
                "from its state to another one there than in the trace."
            )
        self._proved.update(("whole", layer, image) for image in unproved)
        return out[: len(rows)]

    def _is_next(self, layer: int, out: Tensor, images: Sequence[int], read: Tensor | None) -> bool:
        """Whether these are the trace's own next states of some images, as far as they are read."""
        expected = self._states[layer + 1, list(images)]
        if out.shape != expected.shape:
            return False
        if read is not None:
            out, expected = out[:, read], expected[:, read]
        return bool((out - expected).abs().max() <= tolerance_of(out.dtype) * expected.abs().max())

    def _words(self, images: Sequence[int]) -> Mapping[int, Words]:
        """What blocks are handed beside; of several images what the adapter itself hands them.

        Masks of a batch that was traced together would not fit another batch.
        """
        words = self._trace._words
        together = self._trace.n_images > 1 or len(images) > 1
        if together and any(one.hold_tensors for one in words.values()):
            return {}
        return words

    def _read(self, layer: int) -> Tensor | None:
        """The tokens to which the last block's run can be cut, if it can."""
        if layer + 1 < self._vit.n_layers:
            return None
        if not self._knows_read:
            self._knows_read = True
            self._read_tokens = self._proved_read(self.read_tokens())
        return self._read_tokens

    @clean
    @torch.no_grad()
    def read_tokens(self) -> Tensor | None:
        """The tokens of the last state on which the answer depends, int64 `[position]`; None: all.

        Found by what the readout says of itself, and held against the answer to other tokens.
        """
        readout, last = self._vit.readout, self._states[-1]
        if not readout.groups or readout.attention is not None:
            return None
        weights = readout.weights(last[:1], self._trace.layout.n_prefix)[0]
        unread = weights == 0
        if not unread.any():
            return None
        others = last.clone()
        others[:, unread] = self._states[0][:, unread]
        with_others, own = (self._answer(one) for one in (others, last))
        return (~unread).nonzero()[:, 0] if torch.equal(with_others, own) else None

    def _proved_read(self, read: Tensor | None) -> Tensor | None:
        """These tokens, if the last block's run can be cut to them and it is worth it."""
        layer = self._vit.n_layers - 1
        if read is None or len(read) > 1:  # one token is added to all; several would fit to none
            return None
        state = self._states[layer, :1]
        try:
            out = RowsBlock(self._vit, layer, 1, (), read).run(state, self._words([0]))
        except _STRUCTURAL as error:
            if _is_no_answer(error):
                raise
            return None
        return read if self._is_next(layer, out, [0], read) else None


def _is_no_answer(error: Exception) -> bool:
    """Whether an error says nothing of the way that was tried."""
    mistake = isinstance(error, UsageError) and not isinstance(error, UnsupportedModelError)
    return mistake or isinstance(error, torch.OutOfMemoryError)


def _puts_at(variants: Sequence[Variant], rows: Sequence[int], layer: int) -> RowPuts:
    """What is put into a block of some variants, by the row that each has in their batch."""
    return [
        (row, put) for row, i in enumerate(rows) for put in variants[i].puts if put.layer == layer
    ]
