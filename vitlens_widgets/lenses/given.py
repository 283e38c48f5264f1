"""`GivenReading`: answers that were computed elsewhere, as a reading that widgets show."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vitlens_widgets.data import LabelSet
from vitlens_widgets.errors import UsageError, as_list, check_count, check_text
from vitlens_widgets.lenses import statistics
from vitlens_widgets.lenses.reading import Top
from vitlens_widgets.models.given import given_picture, given_tensor, layout_over, pictures_of
from vitlens_widgets.models.layout import TokenLayout
from vitlens_widgets.models.probabilities import Kind
from vitlens_widgets.trace.sites import check_index

SUMS = 5e-3
"""How far probabilities may be from 1 in sum: as far as rounding to bfloat16 can bring them."""

NEARLY = 2e-2
"""Those farther off, up to here, are not told from a yes or no each that sum to about 1."""


class GivenAnswers:
    """Statistics of logits `[state, image, ..., class]`; as `Reading` has them.

    Args:
        logits: float32.
        labels: Names of the classes.
        kind: Of probabilities.
    """

    def __init__(self, logits: Tensor, labels: LabelSet, kind: Kind) -> None:
        self._logits, self._label_set = logits, labels
        self._kind: Kind = kind

    @cached_property
    def _summary(self) -> dict[str, Tensor]:
        final = statistics.final(self._logits[-1], self._kind)
        k = min(5, len(self._label_set))
        every = [statistics.summary(one, final, k, self._kind) for one in self._logits]
        return {name: torch.stack([one[name] for one in every]) for name in every[0]}

    def top(self, k: int = 5) -> Top:
        """The k most probable classes, `[state, image, token, k]`, best first.

        Raises:
            UsageError: k is not between 1 and the number of classes.
        """
        k = check_count("k", k, least=1, most=len(self._label_set))
        found = statistics.top(self._logits, k, self._kind)
        return Top(found["index"], found["probability"])

    def logits(self, state: int) -> Tensor:
        """Class logits at one state, `[image, token, class]`."""
        return self._logits[check_index("state", state, len(self._logits))]

    def entropy(self) -> Tensor:
        """Entropy of the answer in nats."""
        return self._summary["entropy"]

    def kl_to_final(self) -> Tensor:
        """KL divergence in nats of the final state's answer from this state's."""
        return self._summary["kl_to_final"]

    def logsumexp(self) -> Tensor:
        """Log of the sum of exponentiated logits.

        Raises:
            UsageError: Probabilities are not by softmax.
        """
        if self._kind != "softmax":
            raise UsageError("logsumexp belongs to a softmax; these classes are a yes or no each.")
        return self._summary["logsumexp"]

    def logit(self, target: int | str) -> Tensor:
        """The logit of one class."""
        return statistics.column(self._logits, self._label_set.index(target))["logit"]

    def rank(self, target: int | str) -> Tensor:
        """The rank of one class; 1 is the most probable."""
        return statistics.column(self._logits, self._label_set.index(target))["rank"]

    def probability(self, target: int | str) -> Tensor:
        """The probability of one class."""
        return statistics.probability(self.logit(target), self._summary, self._kind)


class GivenReading(GivenAnswers):
    """Answers of tokens that were computed elsewhere, as a reading: `vl.PatchGrid` shows it.

    Args:
        logits: `[state, token, class]`, or `[state, image, token, class]` of several images; an
            array or a tensor. The last state is the final one.
        probabilities: The same as probabilities, instead of logits. Where those of a token sum to
            1, but for rounding, they are of one class among all (softmax), and are divided by that
            sum; else each class is a yes or no (sigmoid).
        labels: Names of the classes, or a dict of names by index. Default: "class 0", ...
        image: The picture as the model saw it, in any form that `vl.read_image` takes; a list of
            them for several images. Default: grey.
        grid: `(rows, cols)` of the patches. Default: found by the number of tokens.
        prefix: Names of the tokens before the patches, or their number. Default: found so, too.
        readout: Logits (or probabilities) of what the model itself answers, `[state, class]` or
            `[state, image, class]`. Default: CLS's, or where there is none the mean over patches of
            what was given.
        state_names: Names of the states. Default: `0_pre` to `final`.
        name: What the model is called.

    Raises:
        UsageError: Neither or both of logits and probabilities were given, an array has another
            shape, holds what is no number or no answer, or the layout is not clear.

    Example:
        >>> vl.PatchGrid(vl.GivenReading(logits, labels=["cat", "dog"], image="cat.jpg"))
    """

    lens_name = "given answers"

    def __init__(
        self,
        logits: Any = None,
        *,
        probabilities: Any = None,
        labels: Any = None,
        image: Any = None,
        grid: Any = None,
        prefix: Any = None,
        readout: Any = None,
        state_names: Any = None,
        name: str = "given arrays",
    ) -> None:
        if (logits is None) == (probabilities is None):
            raise UsageError("Give logits=, or probabilities= instead: one of the two.")
        what = "logits" if probabilities is None else "probabilities"
        given = _array(what, logits if probabilities is None else probabilities)
        kind = _kind_of(given, what)
        self.model_name = check_text("name=", name, "my ViT")
        labels_of = _labels(labels, given.shape[-1])
        super().__init__(_as_logits(given, what, kind, what), labels_of, kind)
        pictures = pictures_of(what, image, given.shape[1])
        self.layout: TokenLayout = layout_over(given.shape[2], grid, prefix, pictures[0])
        self._pictures = [given_picture(one, self.layout) for one in pictures]
        self.state_names = _state_names(state_names, len(given))
        array, self.readout_name = self._readout_of(readout, given, what)
        source = f"the {self.readout_name} of {what}" if readout is None else "readout"
        of_image = _as_logits(array, what, kind, source)
        self.readout = GivenAnswers(of_image, labels_of, kind)

    def _readout_of(self, readout: Any, given: Tensor, what: str) -> tuple[Tensor, str]:
        """What the model answers, in the form that was given, and what that is."""
        if readout is not None:
            array = _array("readout", readout, token=False)
            wanted = (*given.shape[:2], given.shape[-1])
            if array.shape != wanted:
                raise UsageError(
                    f"readout= is [state, image, class], here {list(wanted)}; "
                    f"{list(array.shape)} was given."
                )
            if what == "probabilities" and self._kind != _kind_of(array, what, self._kind):
                raise UsageError(
                    "readout= does not sum to 1, as the probabilities of the tokens do; give the "
                    "readout's probabilities of one class among all."
                )
            return array, "readout"
        if "CLS" in self.layout.prefix:
            return given[:, :, self.layout.prefix.index("CLS")], "CLS"
        return given[:, :, self.layout.patches].mean(2), "mean of patches"

    @property
    def labels(self) -> LabelSet:
        """The class names."""
        return self._label_set

    @property
    def probabilities(self) -> Kind:
        """`"softmax"` or `"sigmoid"`."""
        return self._kind

    @property
    def n_states(self) -> int:
        """How many states there are."""
        return len(self._logits)

    @property
    def n_images(self) -> int:
        """How many images there are."""
        return self._logits.shape[1]

    @property
    def tokens(self) -> Tensor:
        """All tokens, int64 `[token]`."""
        return torch.arange(self.layout.n_tokens)

    def picture(self, image: int = 0) -> np.ndarray:
        """The image, uint8 `[height, width, 3]`."""
        return self._pictures[check_index("image", image, self.n_images)]

    def __repr__(self) -> str:
        sizes = f"{self.n_states} states, {self.n_images} image(s), {len(self.labels)} labels"
        return f"GivenReading({self.model_name}: {sizes}, {self.layout})"


def _array(what: str, given: Any, *, token: bool = True) -> Tensor:
    """float32 `[state, image, (token,) class]` of an array with or without the axis of images."""
    word = "token, " if token else ""
    axes = f"[state, {word}class], or [state, image, {word}class]"
    array = given_tensor(what, given, axes, (3, 4) if token else (2, 3))
    return array[:, None] if array.ndim == 2 + token else array


def _kind_of(given: Tensor, what: str, known: Kind | None = None) -> Kind:
    """Which kind of probabilities was given; a yes or no each needs no sum where it is known."""
    if what == "logits":
        return "softmax"
    if given.min() < 0 or given.max() > 1 + SUMS:
        raise UsageError(
            f"probabilities are from 0 to 1; from {given.min():.3g} to {given.max():.3g} were "
            "given: give them as logits=, if they are."
        )
    if known == "sigmoid":
        return known
    off = float((given.sum(-1) - 1).abs().max())
    if SUMS < off <= NEARLY:
        raise UsageError(
            f"The probabilities of a token sum to nearly 1, off by {off:.2g}; divide each token's "
            "by their sum where they are of one class among all."
        )
    return "softmax" if off <= SUMS else "sigmoid"


def _as_logits(given: Tensor, what: str, kind: Kind, source: str) -> Tensor:
    """Logits of what was given, which is said to be `source`."""
    if kind == "sigmoid":
        return torch.logit(given.double().clamp(0, 1)).float()
    logits = given if what == "logits" else given.log()
    if not logits.logsumexp(-1).isfinite().all():
        raise UsageError(
            f"In {source} all classes of one answer are impossible, or one is infinitely far ahead "
            "of them; of these no probabilities are known: give finite logits."
        )
    return logits


def _labels(given: Any, n_classes: int) -> LabelSet:
    if given is None:
        return LabelSet.numbered(n_classes)
    labels = given if isinstance(given, LabelSet) else LabelSet.of(given)
    if len(labels) != n_classes:
        raise UsageError(f"{len(labels)} labels were given for {n_classes} classes.")
    return labels


def _state_names(given: Any, n_states: int) -> list[str]:
    if given is None:
        return [*(f"{k}_pre" for k in range(n_states - 1)), "final"]
    names = as_list("state_names=", given, '["0_pre", "6_pre", "final"]')
    if len(names) != n_states or not all(isinstance(one, str) for one in names):
        raise UsageError(
            f"state_names= are {n_states} texts, one for each state; {names!r} is not."
        )
    return names
