"""What is asked of the logits: one class or several, perhaps each less another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor

from vitlens_widgets.analysis.checks import check_compared
from vitlens_widgets.data import LabelSet
from vitlens_widgets.errors import UsageError
from vitlens_widgets.kinds import is_several

Class = int | str


@dataclass(frozen=True)
class Asked:
    """What is asked, and what is answered from it: all parts are linear in the logits.

    Attributes:
        names: What each row of the answer is: the targets; then what they are compared with, and
            each target less that.
        weights: Of each class in what is asked, `[asked, image, class]`.
        mixing: The rows of the answer from what is asked, `[row, asked]`.
        n_targets: How many targets there are.
    """

    names: tuple[str, ...]
    weights: Tensor
    mixing: Tensor
    n_targets: int

    @property
    def compares(self) -> bool:
        """Whether the targets are compared with a class."""
        return len(self.names) > self.n_targets


def asked_of(
    labels: LabelSet, targets: Sequence[Tensor], names: Sequence[str], against: Any, center: bool
) -> Asked:
    """What is asked, of targets that may be others in each image.

    Args:
        labels: Those of the model.
        targets: The class of each image, int64 `[image]` each.
        names: What each is called.
        against: The class that they are compared with; None for none.
        center: Whether the mean over all classes is taken from each logit.

    Raises:
        UsageError: A class that is not there, or one compared with itself.
    """
    if against is None:
        return Asked(
            tuple(names), _one_hot(targets, len(labels), center), _mixing(names, False), len(names)
        )
    other = labels.index(against)
    compared = torch.full_like(targets[0], other)
    for target in targets:
        check_compared(labels, target, compared)
    rows = _one_hot([*targets, compared], len(labels), center)
    less = [f"{name} - {labels[other]}" for name in names]
    return Asked((*names, labels[other], *less), rows, _mixing(names, True), len(names))


def targets_of(labels: LabelSet, target: Any, answers: Tensor) -> tuple[list[Tensor], list[str]]:
    """The class of each image for each target, int64 `[image]`, and what the targets are called.

    Args:
        labels: Those of the model.
        target: A class, or several to be asked about at once; None for each image's own answer.
        answers: The model's own, int64 `[image]`.

    Raises:
        UsageError: A class that is not there, or none at all.
    """
    if target is None:
        some = cast("list[int]", answers.unique().tolist())
        return [answers], [labels[some[0]] if len(some) == 1 else "each image's answer"]
    several = list(cast("Sequence[Class]", target)) if is_several(target) else [target]
    if not several:
        raise UsageError(f"target= takes a class or several, such as [{labels[0]!r}], not none.")
    indices = [labels.index(one) for one in several]
    if len(set(indices)) < len(indices):
        twice = next(index for index in indices if indices.count(index) > 1)
        raise UsageError(f'target= names "{labels[twice]}" twice; once is enough.')
    return [torch.full_like(answers, index) for index in indices], [labels[i] for i in indices]


def _one_hot(classes: Sequence[Tensor], n_classes: int, center: bool) -> Tensor:
    """`[asked, image, class]`, on the CPU."""
    rows = torch.nn.functional.one_hot(torch.stack(list(classes)), n_classes).float()
    return rows - 1 / n_classes if center else rows


def _mixing(names: Sequence[str], compared: bool) -> Tensor:
    """`[row, asked]`."""
    own = torch.eye(len(names) + compared, dtype=torch.float64)
    return torch.cat([own, own[:-1] - own[-1]]) if compared else own
