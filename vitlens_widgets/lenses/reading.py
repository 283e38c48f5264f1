"""`Reading`: a lens applied to a trace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

import torch
from torch import Tensor

from vitlens_widgets.data import frame
from vitlens_widgets.errors import UsageError, as_list, check_count
from vitlens_widgets.lenses import statistics
from vitlens_widgets.lenses.decoded import Decoded, LogitDecoder
from vitlens_widgets.lenses.described import Described
from vitlens_widgets.lenses.measured import Measured
from vitlens_widgets.lenses.source import Source
from vitlens_widgets.trace import ViT
from vitlens_widgets.trace.sites import check_index
from vitlens_widgets.trace.steady import in_a_row

if TYPE_CHECKING:
    from pandas import DataFrame


class Top(NamedTuple):
    """The most probable classes, best first, along a last axis of k."""

    index: Tensor  # pyright: ignore[reportIncompatibleMethodOverride]  # instead of tuple's search
    """Class indices, int64."""
    probability: Tensor
    """Their probabilities, of the model's own kind, float32."""


class Reading(Described):
    """What a lens makes of every token in every state of a trace.

    Every number is a float32 (indices: int64) tensor on the CPU of shape `[state, image, token]`,
    with a last axis where it says so; in a reading of sub-block outputs, the first axis counts
    blocks. `reading.readout` gives the same for the model's own readout, without the token axis.
    `[state, image, token, class]` is never held as a whole above `lenses.decoded.KEEP_BYTES`; then
    what is asked for is decoded again, a piece at a time.

    Made by a lens: `LogitLens(vit).read(trace)`.
    """

    def __init__(
        self, lens: LogitDecoder, source: Source, *, at: Literal["tokens", "readout"] = "tokens"
    ) -> None:
        super().__init__(lens, source)
        self._decoded = Decoded(lens, source, at)
        self._readout = None if at == "readout" else Reading(lens, source, at="readout")
        own = None if self._readout is None else self._readout._measured
        self._measured = Measured(self._decoded, self.probabilities, own)

    def _adopt(self, before: Reading, n_same: int) -> None:
        """Takes what is said of the first states from the reading of a run that shares them.

        Nothing is taken where the lens looks at more than the state that it decodes, or where not
        all logits are kept.

        Args:
            before: The reading of the same lens there.
            n_same: How many states are the same, not the final one.
        """
        if not self._lens.sees_states_alone:
            return
        self._measured.adopt(before._measured, n_same)
        if self._readout is not None:
            self._readout._adopt(before.readout, n_same)

    def answered_by(self, vit: ViT) -> Reading:
        """The same lens on the same run, answered by a twin of its model: another classifier.

        Args:
            vit: `vit.prompted(prompts)` or `vit.taught(classifier)`.

        Raises:
            UsageError: As `Trace.answered_by`.
        """
        lens = self._lens.answered_by(vit)
        return Reading(lens, replace(self._source, trace=self._trace.answered_by(vit)))

    @property
    def readout(self) -> Reading:
        """The same reading for what the model's own classifier reads: `[state, image]`."""
        return self if self._readout is None else self._readout

    @property
    def at_readout(self) -> bool:
        """Whether it is the reading of the model's own readout, without a token axis."""
        return self._readout is None

    def table(
        self,
        image: int = 0,
        tokens: Sequence[int] = (),
        target: int | str | Sequence[int | str] = (),
    ) -> DataFrame:
        """Answer, probability, entropy and KL: a row per place (readout, chosen tokens) and state.

        Args:
            image: Which image.
            tokens: Tokens of the layout, beside the readout.
            target: One class or several, named or counted from 0, whose probability and rank are
                added.

        Raises:
            UsageError: No such image, token or class.
        """
        check_index("image", image, self.n_images)
        one = isinstance(target, int | str)
        several = [target] if one else as_list("target=", target, '["cat", "dog"]')
        classes = [self.labels.index(one) for one in several]
        parts = [self.readout._at_place(f"readout ({self.readout_name})", (image,), classes)]
        for token in as_list("tokens=", tokens, "[0, 5]"):
            place = (image, self.position(token))
            parts.append(self._at_place(self.layout.describe(token), place, classes))
        columns = {name: [value for part in parts for value in part[name]] for name in parts[0]}
        how = "" if self.probabilities == "softmax" else f", probabilities by {self.probabilities}"
        return frame(columns, f"{self.lens_name} of {self.model_name}, image {image}{how}")

    def logits(self, state: int) -> Tensor:
        """Class logits at one state, `[image, token, class]`.

        Raises:
            UsageError: There is no such state.
        """
        check_index("state", state, self.n_states)
        return self._decoded.of_state(state)

    def top(self, k: int = 5) -> Top:
        """The k most probable classes, `[state, image, token, k]`, best first.

        Raises:
            UsageError: k is not between 1 and the number of classes.
        """
        n_classes = len(self.labels)
        k = check_count("k", k, least=1, most=n_classes)
        found = self._measured.top(k)
        return Top(found["index"][..., :k].clone(), found["probability"][..., :k].clone())

    def entropy(self) -> Tensor:
        """Entropy of the answer in nats, 0 .. ln(number of classes).

        Where each class is a yes or a no (`probabilities == "sigmoid"`), the sum of the classes'
        binary entropies, 0 .. ln 2 each.
        """
        return self._summary["entropy"].clone()

    def kl_to_final(self) -> Tensor:
        """KL divergence in nats of the final state's distribution from this state's.

        `sum_c p_final(c) (ln p_final(c) - ln p_state(c))`: what is lost by taking this state's
        answer for the final one at the same token; where each class is a yes or a no, the sum of
        the classes' binary divergences. Source: Belrose et al. (2023), section 3,
        whose direction this is.
        """
        return self._summary["kl_to_final"].clone()

    def logsumexp(self) -> Tensor:
        """Log of the sum of exponentiated logits, so that `ln p(c) = logit(c) - logsumexp`.

        Raises:
            UsageError: Probabilities are not by softmax.
        """
        if self.probabilities != "softmax":
            raise UsageError(
                f"logsumexp belongs to a softmax, and {self.model_name} answers by "
                f"{self.probabilities}: probability(target) is that of each class alone."
            )
        return self._summary["logsumexp"].clone()

    def logit(self, target: int | str) -> Tensor:
        """The logit of one class, named or counted from 0.

        Raises:
            UsageError: The class is not among the labels.
        """
        return self._column(target)[0].clone()

    def probability(self, target: int | str) -> Tensor:
        """The probability of one class, of the model's own kind; see `probabilities`.

        Raises:
            UsageError: The class is not among the labels.
        """
        logit = self._column(target)[0]
        return statistics.probability(logit, self._summary, self.probabilities)

    def rank(self, target: int | str) -> Tensor:
        """The rank of one class, int64: 1 is the most probable; equal logits share the best rank.

        0 where the logits are not numbers.

        Raises:
            UsageError: The class is not among the labels.
        """
        return self._column(target)[1].clone()

    def of_state(
        self, state: int, image: int = 0, target: int | str | None = None
    ) -> dict[str, Tensor]:
        """What is said of one state of one image: no other state is decoded for it.

        The numbers are those that the whole reading has there, and are kept for it.

        Args:
            state: Which state.
            image: Which image.
            target: A class whose logit and rank are added, named or counted from 0.

        Returns:
            By name, each `[token + readout, ...]`, the readout's after the last token's: `index`
            and `probability` of the five most probable classes (of fewer, all), `entropy`,
            `kl_to_final`, by softmax `logsumexp`, of a target `logit` and `rank`.

        Raises:
            UsageError: No such state, image or class, or weights that have changed since the trace.
        """
        check_index("state", state, self.n_states)
        check_index("image", image, self.n_images)
        if self._readout is None:
            raise UsageError("of_state is said of all tokens: ask reading, not reading.readout.")
        compute = partial(self._of_state, self._readout, state, image, target)
        return in_a_row(self._trace, "read", compute, after=False)

    def _of_state(
        self, readout: Reading, state: int, image: int, target: int | str | None
    ) -> dict[str, Tensor]:
        parts = [one._measured.summary_at(state, image) for one in (self, readout)]
        names = [name for name in parts[0] if " " not in name]  # without the answers' columns
        if target is not None:
            index = self.labels.index(target)
            columns = [one._measured.column_at(index, state, image) for one in (self, readout)]
            parts = [part | column for part, column in zip(parts, columns, strict=True)]
            names += columns[0]
        tokens, own = parts
        return {name: torch.cat([tokens[name], own[name][None]]) for name in names}

    def _at_place(
        self, name: str, place: tuple[int, ...], classes: list[int]
    ) -> dict[str, list[Any]]:
        """What is said at one image (and token) in every state."""

        def every(values: Tensor) -> list[Any]:
            return cast("list[Any]", values[(slice(None), *place)].tolist())

        top = self.top(1)
        columns: dict[str, list[Any]] = {
            "place": [name] * self.n_states,
            "state": self.state_names,
            "answer": [self.labels[i] for i in every(top.index[..., 0])],
            "probability": every(top.probability[..., 0]),
            "entropy": every(self.entropy()),
            "KL to final": every(self.kl_to_final()),
        }
        for index in classes:
            columns[f"p({self.labels[index]})"] = every(self.probability(index))
            columns[f"rank({self.labels[index]})"] = every(self.rank(index))
        return columns

    def _column(self, target: int | str) -> tuple[Tensor, Tensor]:
        """(logit, rank) of one class."""
        return self._measured.column(self.labels.index(target))

    @property
    def _summary(self) -> dict[str, Tensor]:
        """All that needs no target."""
        return self._measured.summary

    def __repr__(self) -> str:
        sizes = self._decoded.shape
        axes = ("state", "image", "token")[: len(sizes)]
        shape = ", ".join(
            f"{size} {axis}{'' if size == 1 else 's'}"
            for size, axis in zip(sizes, axes, strict=True)
        )
        return f"Reading({self.lens_name} of {self.model_name}: {shape}, {len(self.labels)} labels)"
