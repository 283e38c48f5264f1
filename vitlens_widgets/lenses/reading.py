"""`Reading`: a lens applied to a trace."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from vitlens_widgets.data import LabelSet, Table
from vitlens_widgets.errors import UsageError
from vitlens_widgets.lenses import statistics
from vitlens_widgets.lenses.lens import Lens
from vitlens_widgets.lenses.source import Source
from vitlens_widgets.lenses.table import reading_table
from vitlens_widgets.models import TokenLayout
from vitlens_widgets.trace.sites import check_index

KEEP_BYTES = 128 * 2**20
"""Logits up to this size are kept (float32); larger ones are decoded again, a piece at a time."""

_PIECE_BYTES = 64 * 2**20
_QUIET_SECONDS = 1  # a reading that takes longer shows its progress
_TOP_AT_ONCE = 10


class Top(NamedTuple):
    """The most probable classes, best first, along a last axis of k."""

    index: Tensor
    """Class indices, int64."""
    probability: Tensor
    """Their probabilities (softmax over all classes), float32."""


class Reading:
    """What a lens makes of every token in every state of a trace.

    Every number is a float32 (indices: int64) tensor on the CPU of shape `[state, image, token]`,
    with a last axis where it says so; in a reading of sub-block outputs, the first axis counts
    blocks. `reading.readout` gives the same for the model's own
    readout, without the token axis. `[state, image, token, class]` is never held as a whole above
    `KEEP_BYTES`; then each call decodes the states again, a few images at a time.

    Made by a lens: `LogitLens(vit).read(trace)`.
    """

    def __init__(
        self, lens: Lens, source: Source, *, at: Literal["tokens", "readout"] = "tokens"
    ) -> None:
        self._lens = lens
        self._source = source
        self._trace = trace = source.trace
        self._decode = lens.decode if at == "tokens" else lens.decode_readout
        tokens = (len(trace.tokens),) if at == "tokens" else ()
        self._places = (trace.n_images, *tokens)
        self._columns: dict[int, tuple[Tensor, Tensor]] = {}

    @cached_property
    def readout(self) -> Reading:
        """The same reading for what the model's own classifier reads: `[state, image]`."""
        return Reading(self._lens, self._source, at="readout")

    @property
    def n_states(self) -> int:
        """L + 1; L in a reading of sub-block outputs."""
        return len(self._source.names)

    @property
    def n_images(self) -> int:
        """How many images were traced together."""
        return self._trace.n_images

    @property
    def state_names(self) -> list[str]:
        """`["0_pre", ..., "final"]`; `["0_attn_out", ...]` and the like for sub-block outputs."""
        return self._source.names

    @property
    def labels(self) -> LabelSet:
        """The class names."""
        return self._trace.vit.labels

    @property
    def layout(self) -> TokenLayout:
        """The token layout."""
        return self._trace.layout

    @property
    def tokens(self) -> Tensor:
        """Which tokens of the layout were in the sequence, int64 `[position]`."""
        return self._trace.tokens

    @property
    def model_name(self) -> str:
        """What the model was loaded as; an edited run says that it is one."""
        return self._trace.vit.name + (" (edited)" if self._trace.edits else "")

    @property
    def lens_name(self) -> str:
        """Which lens this is a reading of."""
        return self._lens.name

    @property
    def readout_name(self) -> str:
        """What the model's own classifier reads: `"CLS"`, `"mean of patches"`, ..."""
        return self._trace.vit.readout_name

    def picture(self, image: int = 0) -> np.ndarray:
        """The image as the model saw it, uint8 `[height, width, 3]`.

        Raises:
            UsageError: There is no such image.
        """
        return self._trace.pictures[check_index("image", image, self.n_images)]

    def position(self, token: int) -> int:
        """Where a token of the layout stands in the sequence that was traced.

        Raises:
            UsageError: There is no such token, or it was dropped.
        """
        self.layout.check(token)
        found = (self.tokens == token).nonzero()
        if not len(found):
            raise UsageError(f"Token {token} was dropped from the traced sequence.")
        return int(found[0])

    def table(
        self, image: int = 0, tokens: Sequence[int] = (), targets: Sequence[int | str] = ()
    ) -> Table:
        """Answer, probability, entropy and KL per state, at the readout and at chosen tokens.

        Args:
            image: Which image.
            tokens: Tokens of the layout, beside the readout.
            targets: Classes whose probability and rank are added, named or counted from 0.

        Raises:
            UsageError: No such image, token or class.
        """
        return reading_table(self, image, tokens, targets)

    def logits(self, state: int) -> Tensor:
        """Class logits at one state, `[image, token, class]`.

        Raises:
            UsageError: There is no such state.
        """
        check_index("state", state, self.n_states)
        return torch.cat([self._piece(state, images) for images in self._image_slices()])

    def top(self, k: int = 5) -> Top:
        """The k most probable classes, `[state, image, token, k]`, best first.

        Raises:
            UsageError: k is not between 1 and the number of classes.
        """
        n_classes = len(self.labels)
        if not 1 <= k <= n_classes:
            raise UsageError(f"k = {k} is out of range: there are {n_classes} classes.")
        if k <= _TOP_AT_ONCE:
            found = self._summary
        else:
            found = self._over_states(lambda logits, _final: statistics.top(logits, k))
        return Top(found["index"][..., :k], found["probability"][..., :k])

    def entropy(self) -> Tensor:
        """Entropy of the class distribution in nats, 0 .. ln(number of classes)."""
        return self._summary["entropy"]

    def kl_to_final(self) -> Tensor:
        """KL divergence in nats of the final state's distribution from this state's.

        `sum_c p_final(c) (ln p_final(c) - ln p_state(c))`: what is lost by taking this state's
        answer for the final one at the same token. Source: Belrose et al. (2023), section 3,
        whose direction this is.
        """
        return self._summary["kl_to_final"]

    def logsumexp(self) -> Tensor:
        """Log of the sum of exponentiated logits, so that `ln p(c) = logit(c) - logsumexp`."""
        return self._summary["logsumexp"]

    def logit(self, target: int | str) -> Tensor:
        """The logit of one class, named or counted from 0.

        Raises:
            UsageError: The class is not among the labels.
        """
        return self._column(target)[0]

    def probability(self, target: int | str) -> Tensor:
        """The probability of one class (softmax over all classes).

        Raises:
            UsageError: The class is not among the labels.
        """
        return (self._column(target)[0] - self.logsumexp()).exp()

    def rank(self, target: int | str) -> Tensor:
        """The rank of one class, int64: 1 is the most probable; equal logits share the best rank.

        0 where the logits are not numbers.

        Raises:
            UsageError: The class is not among the labels.
        """
        return self._column(target)[1]

    def _column(self, target: int | str) -> tuple[Tensor, Tensor]:
        """(logit, rank) of one class; one pass gives both."""
        index = self.labels.index(target)
        if index not in self._columns:
            found = self._over_states(lambda logits, _final: statistics.column(logits, index))
            self._columns[index] = found["logit"], found["rank"]
        return self._columns[index]

    @cached_property
    def _summary(self) -> dict[str, Tensor]:
        """All that needs no target, in one pass."""
        k = min(_TOP_AT_ONCE, len(self.labels))
        return self._over_states(lambda logits, final: statistics.summary(logits, final, k))

    def _over_states(
        self, measure: Callable[[Tensor, Tensor], dict[str, Tensor]]
    ) -> dict[str, Tensor]:
        """`measure(logits, final_logits)` of every piece, put together: `[state, image, ...]`."""
        slices = list(self._image_slices())
        columns = []
        steps = len(slices) * self.n_states
        with tqdm(total=steps, desc=self.lens_name, delay=_QUIET_SECONDS, leave=False) as bar:
            for images in slices:
                final = self._final(images)
                rows = []
                for state in range(self.n_states):
                    rows.append(measure(self._piece(state, images), final))
                    bar.update()
                columns.append({key: torch.stack([row[key] for row in rows]) for key in rows[0]})
        return {key: torch.cat([column[key] for column in columns], 1) for key in columns[0]}

    def _image_slices(self) -> Iterator[slice]:
        per_image = int(np.prod(self._places[1:])) * len(self.labels) * 4
        step = max(1, _PIECE_BYTES // max(1, per_image))
        return (slice(i, i + step) for i in range(0, self.n_images, step))

    def _piece(self, state: int, images: slice) -> Tensor:
        """Float32 logits of some images at one state, on the CPU."""
        if self._kept is not None:
            return self._kept[state, images]
        return self._decoded(state, images)

    def _final(self, images: slice) -> Tensor:
        """What the final state answers, also where sub-block outputs are read."""
        last = self._trace.n_states - 1
        if self.n_states == self._trace.n_states:
            return self._piece(last, images)
        return self._logits_of(self._trace.states[last, images], last, images)

    def _decoded(self, state: int, images: slice) -> Tensor:
        return self._logits_of(self._source.value(state)[images], state, images)

    def _logits_of(self, value: Tensor, k: int, images: slice) -> Tensor:
        self._trace.check_weights("read")
        with torch.no_grad():
            return self._decode(value, k, self._trace.states[-1, images]).float().cpu()

    @cached_property
    def _kept(self) -> Tensor | None:
        """All logits, `[state, image, token, class]`, where they are small enough to keep."""
        shape = (self.n_states, *self._places, len(self.labels))
        if int(np.prod(shape)) * 4 > KEEP_BYTES:
            return None
        every = slice(None)
        return torch.stack([self._decoded(state, every) for state in range(self.n_states)])

    def __repr__(self) -> str:
        axes = ["states", "images", "tokens"][: 1 + len(self._places)]
        sizes = (self.n_states, *self._places)
        shape = ", ".join(f"{size} {axis}" for size, axis in zip(sizes, axes, strict=True))
        return f"Reading({self.lens_name} of {self.model_name}: {shape}, {len(self.labels)} labels)"
