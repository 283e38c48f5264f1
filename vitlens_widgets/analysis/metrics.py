"""Metrics: what is asked of an answer, as one number for each row of logits.

They are what activation patching, attribution patching and circuits measure. Short forms are a
class, `"cat"`, for its logit, and two of them, `("cat", "dog")`, for the difference of their
logits; a function of one's own takes logits `[n, class]` and gives `[n]`.

>>> vl.analysis.activation_patching(clean, corrupted, vl.analysis.metrics.probability("cat"))
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NoReturn, cast

import torch
from torch import Tensor

from vitlens_widgets._lazy import refusal
from vitlens_widgets.analysis.checks import check_compared
from vitlens_widgets.analysis.metric_readers import READERS, Reader
from vitlens_widgets.data import LabelSet
from vitlens_widgets.errors import UsageError, said, whole_number
from vitlens_widgets.kinds import is_several
from vitlens_widgets.lenses.lens import check_classifier
from vitlens_widgets.trace import Trace

Class = int | str
Classes = Class | Sequence[Class]
"""A class by name or index for all images, or a list with one for each."""

Function = Callable[[Tensor], Tensor]
"""Logits `[n, class]` to numbers `[n]`, each row by itself."""


@dataclass(frozen=True)
class Metric:
    """What is asked of an answer; made by `logit`, `logit_difference`, `probability`, `kl`, `rank`.

    Attributes:
        kind: Which of them.
        classes: The target, and what it is compared with; none for `kl`.
        least_gap: Clean and corrupted answers that differ by less are taken for the same.
        has_gradient: Whether it changes smoothly with the logits.
        is_flat_at_clean: Whether its gradient is 0 at the clean run, as that of a distance is.
    """

    kind: str
    classes: tuple[Classes, ...] = ()
    least_gap: float = 0.1
    has_gradient: bool = True
    is_flat_at_clean: bool = False


def logit(target: Classes) -> Metric:
    """The logit of a class.

    Args:
        target: The class, or one for each image.
    """
    return Metric("logit", (target,))


def logit_difference(target: Classes, against: Classes) -> Metric:
    """The logit of a class less that of another.

    Args:
        target: The class, or one for each image.
        against: The other, or one for each image.
    """
    return Metric("logit difference", (target, against))


def probability(target: Classes) -> Metric:
    """The probability of a class, of the model's own kind (softmax or sigmoid), 0 to 1.

    Args:
        target: The class, or one for each image.
    """
    return Metric("probability", (target,), least_gap=0.01)


def rank(target: Classes) -> Metric:
    """The rank of a class among all, 1 is the best; equal logits share the best. No gradient.

    Args:
        target: The class, or one for each image.
    """
    return Metric("rank", (target,), least_gap=1.0, has_gradient=False)


def kl() -> Metric:
    """How far the answer is from the clean run's, in nats: 0 for the clean run itself.

    `sum_c p_clean(c) (ln p_clean(c) - ln p(c))`; where each class is a yes or a no, the sum of the
    classes' binary divergences. Its gradient is 0 at the clean run.
    """
    return Metric("KL from the clean answer", least_gap=0.01, is_flat_at_clean=True)


@dataclass(frozen=True)
class BoundMetric:
    """A metric of the images of a trace, ready to be called.

    Attributes:
        name: What it is called for people: `"logit difference of cat - dog"`.
        least_gap: See `Metric`; None where nothing is known of the numbers' size.
        has_gradient: See `Metric`; of a function of one's own it is taken to have one.
    """

    name: str
    least_gap: float | None
    has_gradient: bool
    _read: Reader
    is_flat_at_clean: bool = False

    def check_gradient(self, *, at_clean: bool = False) -> None:
        """Refuse to take its gradient where it has none.

        Args:
            at_clean: Whether it is that at the clean run.

        Raises:
            UsageError: It has none, or it is 0 there.
        """
        if not self.has_gradient:
            self._refuse_gradient()
        if at_clean and self.is_flat_at_clean:
            raise UsageError(
                f"The gradient of {self.name} is 0 at the clean run, so that estimates from it are "
                'rounding; take how="denoising", or exchange values for real.'
            )

    def __call__(self, logits: Tensor, image: Tensor | None = None) -> Tensor:
        """One number for each row, on the graph of the logits.

        Args:
            logits: `[n, class]`.
            image: Of which image of the trace each row is, int64 `[n]`; None for all in order.

        Returns:
            `[n]`, in float32 or finer.

        Raises:
            UsageError: A function of the user's gives something else, or, where a gradient is asked
                for, what has none.
        """
        fine = logits.to(torch.promote_types(logits.dtype, torch.float32))
        of = torch.arange(len(logits)) if image is None else image
        found = self._read(fine, of.to(logits.device))
        if logits.requires_grad and torch.is_grad_enabled() and not found.requires_grad:
            self._refuse_gradient()
        return found

    def _refuse_gradient(self) -> NoReturn:
        raise UsageError(
            f"The metric {self.name} has no gradient; ask for a logit, a logit difference or a "
            "probability, or exchange values for real."
        )


def bound(metric: Any, clean: Trace) -> BoundMetric:
    """A metric as a user gives it, for the images of the clean trace; see `bound_all`."""
    return bound_all(metric, [clean])[0]


def bound_all(metric: Any, clean: Sequence[Trace]) -> list[BoundMetric]:
    """A metric as a user gives it, for the images of each of some clean traces of one model.

    Args:
        metric: A `Metric`, a class, a pair (target, against), or a function `[n, class] -> [n]`;
            lists of classes have one for each image of all traces.
        clean: The clean runs; `kl` compares with their answers.

    Raises:
        UsageError: Something else, a class that is not among the labels or is compared with itself,
            another number of classes than images, or a model without a classifier.
    """
    check_classifier(clean[0].vit)
    found = _short(metric)
    if not isinstance(found, Metric):
        return [_of_function(found)] * len(clean)
    labels, sizes = clean[0].vit.labels, [trace.n_images for trace in clean]
    index = [_indices(labels, sum(sizes), classes) for classes in found.classes]
    if len(index) == 2:
        check_compared(labels, *index)
    names = [_name(labels, one) for one in index]
    name = " of ".join([found.kind, *([" - ".join(names)] if names else [])])
    words = (name, found.least_gap, found.has_gradient)
    ends = [*accumulate(sizes)][:-1]
    parts = [one.tensor_split(ends) for one in index]
    reads = [
        READERS[found.kind](trace, *(one[i] for one in parts)) for i, trace in enumerate(clean)
    ]
    return [BoundMetric(*words, read, found.is_flat_at_clean) for read in reads]


def _short(metric: Any) -> Metric | Function:
    """What the short forms stand for."""
    if isinstance(metric, Metric):
        return metric
    if callable(metric):
        return cast("Function", metric)
    if is_several(metric) and len(metric) == 2:
        return logit_difference(*metric)
    if isinstance(metric, str) or whole_number(metric) is not None:
        return logit(metric)
    raise UsageError(
        'metric= takes a class such as "cat", two such as ("cat", "dog"), one of '
        "vl.analysis.metrics, or a function of logits [n, class] that gives [n], not "
        f"{said(metric)}."
    )


def _indices(labels: LabelSet, n_images: int, classes: Classes) -> Tensor:
    """The index of each image's class, int64 `[image]`."""
    if not is_several(classes):
        return torch.full((n_images,), labels.index(cast("Class", classes)))
    listed: list[Class] = list(classes)
    if len(listed) != n_images:
        raise UsageError(
            f"A list of classes has one for each image, {n_images} here, not {len(listed)}; "
            "one class for all images is given without a list."
        )
    return torch.tensor([labels.index(one) for one in listed])


def _name(labels: LabelSet, index: Tensor) -> str:
    """The class, or that it differs from image to image."""
    some = cast("list[int]", index.unique().tolist())
    return labels[some[0]] if len(some) == 1 else "each image's class"


def _of_function(function: Function) -> BoundMetric:
    name = getattr(function, "__name__", type(function).__name__)

    def read(logits: Tensor, _image: Tensor) -> Tensor:
        found: Any = function(logits)
        if not isinstance(found, Tensor) or found.shape != logits.shape[:1]:
            gave = list(found.shape) if isinstance(found, Tensor) else said(found)
            raise UsageError(
                f"The metric {name} must give one number for each row of logits, a tensor "
                f"[{len(logits)}], not {gave}."
            )
        return found.to(torch.promote_types(found.dtype, torch.float32))

    return BoundMetric(name, None, True, read)


if not TYPE_CHECKING:  # to a type checker a name that is not there is a mistake
    _PUBLIC = ["Metric", "kl", "logit", "logit_difference", "probability", "rank"]
    __getattr__ = refusal(__name__, _PUBLIC, "vl.analysis.metrics")
