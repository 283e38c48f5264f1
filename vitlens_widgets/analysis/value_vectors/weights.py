"""Value vectors and class directions, found in a model's weights, which stay as they are."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vitlens_widgets.errors import UnsupportedModelError, UsageError
from vitlens_widgets.lenses.lens import check_classifier
from vitlens_widgets.models.classifier import LinearClassifier
from vitlens_widgets.models.hook_points import AnyHookPoint, HookPoint, JoinedPoint
from vitlens_widgets.trace import ViT

KINDS = {"attention": "z", "MLP": "mlp_post"}
"""The kinds of memories, by the site whose channels multiply their value vectors."""

ADDED = {"attention": "attn_out", "MLP": "mlp_out"}
"""What the memories of each kind add to the stream together."""


def kinds_of(vit: ViT) -> list[str]:
    """Which of `KINDS` the model's blocks have: a block without an MLP has the first alone."""
    points = vit.adapter.hook_points(0)
    return [kind for kind, site in KINDS.items() if site in points]


def check_kind(vit: ViT, kind: str) -> str:
    """The kind, if the model has memories of it.

    Raises:
        UsageError: It does not.
    """
    kinds = kinds_of(vit)
    if kind not in kinds:
        raise UsageError(f"{vit.name} has memories in {' and '.join(kinds)}, not in {kind!r}.")
    return kind


def class_directions(vit: ViT) -> Tensor:
    """The classifier's weight, float32 `[class, d]`: a direction of the stream for each class.

    Raises:
        UsageError: The model has no classifier.
        UnsupportedModelError: Its classifier is not one matrix on the normed stream.
    """
    check_classifier(vit)
    adapter = vit.adapter
    head = adapter.head if adapter.classifier is None else adapter.classifier
    if adapter.classifier is None and vit.readout.n_classifiers > 1:
        raise _unreadable(vit, "it has two of them, one of CLS and one of the distillation token")
    if not isinstance(head, (nn.Linear, LinearClassifier)):
        raise _unreadable(vit, f"it is a {type(head).__name__}")
    if not vit.readout.direct:
        raise _unreadable(vit, f"it reads {vit.readout.name}")
    if head.weight.shape[1] != vit.width or hasattr(vit.model, "visual_projection"):
        raise _unreadable(vit, "it reads other features, made of the stream")
    return head.weight.detach().float()


def vectors_of(vit: ViT, kind: str, layer: int) -> Tensor:
    """The value vectors of one block's memories, float32 `[d, memory]`.

    The columns of the weight of the MLP's or attention's output projection. Where a block has
    several side by side, one's memories stand after the other's.

    Raises:
        UnsupportedModelError: There is a norm or gate between coefficients and projection.
    """
    block, point = vit.adapter.blocks[layer], vit.adapter.hook_points(layer)[KINDS[kind]]
    projections = [_projection(vit, block, part, kind) for part in _parts(point)]
    return torch.cat([one.weight.detach().float() for one in projections], dim=1)


def check_not_gated(vit: ViT) -> None:
    """Refuse MLPs of which no single number stands before the activation.

    Raises:
        UsageError: Some are gated.
    """
    for layer, block in enumerate(vit.adapter.blocks):
        points = vit.adapter.hook_points(layer)
        for pre, post in zip(_parts(points["mlp_pre"]), _parts(points["mlp_post"]), strict=True):
            if _gated(block, pre.module, _projection(vit, block, post, "MLP")):
                raise UsageError(
                    f"The MLPs of {vit.name} are gated, so that what stands before the activation "
                    'is not the coefficient of a memory; choose coefficients="post".'
                )


def _gated(block: nn.Module, first: nn.Module, projection: nn.Linear) -> bool:
    """Whether the layer before the activation has a second side, within it or beside it."""
    if not isinstance(first, nn.Linear):
        return False
    beside = [
        one
        for one in _parent(block, first).children()
        if isinstance(one, nn.Linear) and one is not first and one is not projection
    ]
    twice = first.out_features == 2 * projection.in_features
    return twice or any(one.weight.shape == first.weight.shape for one in beside)


def _parts(point: AnyHookPoint) -> tuple[HookPoint, ...]:
    return point.parts if isinstance(point, JoinedPoint) else (point,)


def _projection(vit: ViT, block: nn.Module, point: HookPoint, kind: str) -> nn.Linear:
    """The linear layer that reads a site, itself hooked or right behind a norm that is none."""
    if point.side == "input" and isinstance(point.module, nn.Linear):
        return point.module
    if point.side != "input" or not isinstance(point.module, nn.Identity):
        raise UnsupportedModelError(
            f"The value vectors of {vit.name} cannot be read from its weights: between its {kind} "
            f"coefficients and the output projection stands a {type(point.module).__name__}."
        )
    after = list(_parent(block, point.module).children())
    after = after[after.index(point.module) :]
    return next(one for one in after if isinstance(one, nn.Linear))


def _parent(block: nn.Module, module: nn.Module) -> nn.Module:
    return next(one for one in block.modules() if any(c is module for c in one.children()))


def _unreadable(vit: ViT, found: str) -> UnsupportedModelError:
    return UnsupportedModelError(
        f"Memories are compared with a classifier that is one matrix on the normed stream; of "
        f"{vit.name}, {found}."
    )
