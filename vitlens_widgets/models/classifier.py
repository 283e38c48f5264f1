"""Classifiers that a user gives: a linear head, or directions made from text prompts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from vitlens_widgets.errors import UsageError
from vitlens_widgets.kinds import is_path, is_several
from vitlens_widgets.models.probabilities import Kind


class Classifier(Protocol):
    """From what a model pools to class logits."""

    n_classes: int
    n_features: int
    kind: Kind | None
    """How its logits become probabilities; None where their number says it."""

    def __call__(self, features: Tensor) -> Tensor:
        """`[..., feature] -> [..., class]`."""
        ...


class LinearClassifier:
    """`features @ weight.T + bias`.

    Args:
        weight: `[class, feature]`.
        bias: `[class]`, or None.
    """

    kind: Kind | None = None

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        self.weight, self.bias = weight, bias
        self.n_classes, self.n_features = weight.shape

    def __call__(self, features: Tensor) -> Tensor:
        """`[..., feature] -> [..., class]`."""
        bias = None if self.bias is None else self.bias.to(features)
        return nn.functional.linear(features, self.weight.to(features), bias)


class UnitClassifier:
    """`normalize(features) @ weight.T + bias`: what is taught by examples, whatever their length.

    Args:
        weight: `[class, feature]`.
        bias: `[class]`, or None.
    """

    kind: Kind | None = "softmax"

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        self.weight, self.bias = weight, bias
        self.n_classes, self.n_features = weight.shape

    def __call__(self, features: Tensor) -> Tensor:
        """`[..., feature] -> [..., class]`."""
        units = nn.functional.normalize(features, dim=-1)
        bias = None if self.bias is None else self.bias.to(features)
        return nn.functional.linear(units, self.weight.to(features), bias)


class CosineClassifier:
    """`scale * cosine(features, directions) + offset`: how CLIP and SigLIP compare with texts.

    Args:
        directions: `[class, feature]`, each of length 1.
        scale: The model's own factor.
        offset: The model's own offset (SigLIP), with which each text is a yes or a no.
        texts: Those that each direction was made of.

    Source:
        Radford et al. (2021), figure 1; Zhai et al. (2023), section 3, whose loss is a sigmoid's.
    """

    def __init__(
        self,
        directions: Tensor,
        scale: Tensor,
        offset: Tensor | None = None,
        texts: Sequence[Sequence[str]] = (),
    ) -> None:
        self.directions, self.scale, self.offset = directions, scale, offset
        self.texts = texts
        self.n_classes, self.n_features = directions.shape
        self.kind: Kind | None = "softmax" if offset is None else "sigmoid"

    def __call__(self, features: Tensor) -> Tensor:
        """`[..., feature] -> [..., class]`."""
        cosine = nn.functional.normalize(features, dim=-1) @ self.directions.to(features).T
        logits = cosine * self.scale.to(features)
        return logits if self.offset is None else logits + self.offset.to(features)


def as_classifier(given: Any, n_features: int) -> Classifier:
    """What a user gave as `classifier=`, checked against what the model pools.

    Args:
        given: An `nn.Linear`, `(weight [class, feature], bias [class] or None)`, or a `Classifier`.
        n_features: The width of what the model pools.

    Raises:
        UsageError: Something else, or shapes that do not fit.
    """
    if isinstance(given, (CosineClassifier, LinearClassifier, UnitClassifier)):
        classifier = given
    elif isinstance(given, nn.Linear):
        bias = None if given.bias is None else given.bias.detach()
        classifier = LinearClassifier(given.weight.detach(), bias)
    else:
        classifier = _from_pair(given)
    if classifier.n_features != n_features:
        raise UsageError(
            f"classifier= reads {classifier.n_features} features, but this model pools "
            f"{n_features}; its weight must be [class, {n_features}]."
        )
    return classifier


def _from_pair(given: Any) -> LinearClassifier:
    if is_path(given):
        raise UsageError(
            "classifier= takes the numbers of a linear head, not a file: load the model, then "
            f'vit.taught(vl.PatchClassifier.load("{given}", vit)) reads classes that were taught; '
            "of any other file, give (weight, bias)."
        )
    if not (is_several(given) and len(given) == 2):
        raise UsageError(
            "classifier= takes an nn.Linear or a pair (weight [class, feature], bias [class] or "
            f"None), not {type(given).__name__}."
        )
    weight = torch.as_tensor(given[0]).detach()
    bias = None if given[1] is None else torch.as_tensor(given[1]).detach()
    if weight.ndim != 2 or (bias is not None and bias.shape != weight.shape[:1]):
        shapes = [list(weight.shape), None if bias is None else list(bias.shape)]
        raise UsageError(
            "classifier= takes a weight [class, feature] and a bias [class]; the shapes given are "
            f"{shapes[0]} and {shapes[1]}."
        )
    return LinearClassifier(weight, bias)
